// A program with events of its own:  npx kymograph record -o ./trace -- node examples/shop.mjs
import { i32, marker, str, tracepoint, u64 } from 'kymograph'

const orderPlaced = tracepoint('shop:order_placed', u64('id'), str('customer'), i32('items'))
const switched = marker('sched:switch', 'prev_pid %d next_pid %d')

for (let id = 1; id <= 1000; id++) {
  orderPlaced(id, id % 2 === 0 ? 'Ada' : 'Grace', (id * 7) % 11)
  switched(id, id + 1)
}
