/** What the compiler refuses of markers. */
import { counter, marker } from './index.ts'

const switched = marker('sched:switch', 'prev_pid %d next_pid %d')
switched(1, 2)
// error: TS2554
switched(1)
// error: TS2554
switched(1, 2, 3)
// error: TS2345
switched('1', 2)
// error: TS2345
switched(1, 2n)

const all = marker('test:all', 'd %d u %u x %x c %c ld %ld llu %llu s %s f %f g %g p %p z %zu')
all(1, 2, 3, 65, 4n, 5, 'six', 7.5, 8, 9n, 10)
// error: TS2345
all(1n, 2, 3, 65, 4n, 5, 'six', 7.5, 8, 9n, 10)
// error: TS2345
all(1, '2', 3, 65, 4n, 5, 'six', 7.5, 8, 9n, 10)
// error: TS2345
all(1, 2, 3, 65, '4', 5, 'six', 7.5, 8, 9n, 10)
// error: TS2345
all(1, 2, 3, 65, 4n, 5, 6, 7.5, 8, 9n, 10)
// error: TS2345
all(1, 2, 3, 65, 4n, 5, 'six', 7n, 8, 9n, 10)
// error: TS2345
all(1, 2, 3, 65, 4n, 5, 'six', 7.5, 8, {}, 10)

const sized = marker('sched:state', '  prev_state   #2d%ld flags #1x%u ')
sized(1n, 2)
// error: TS2345
sized('running', 2)
// error: TS2345
sized(1n, 2n)

marker('test:nothing', '')()
// error: TS2554
marker('test:nothing', '')(1)

// error: TS2345
marker('test:q', 'pid %q')
// error: TS2345
marker('test:odd', 'pid %d tid')
// error: TS2345
marker('test:odd', 'pid')
// error: TS2345
marker('test:no_name', '%d')
// error: TS2345
marker('test:size', 'state #3d%ld')
// error: TS2345
marker('test:size', 'state #2q%ld')
// error: TS2345
marker('test:size', 'state #2%ld')
// error: TS2345
marker('test:size', 'name #2d%s')
// error: TS2345
marker('test:size', 'ratio #4d%f')
// error: TS2345
marker('switch', 'pid %d')
// error: TS2322
marker('sched:switch', 'pid %d', { logLevel: 'LOUD' })

export const off: () => void = switched.connect((format, prev, next) => `${format} ${prev + next}`)
switched.connect(counter('switches'))
// error: TS2345
switched.connect((format: string, prev: string) => format + prev)
// error: TS2345
switched.connect((prev: number) => prev)
// error: TS2345
switched.connect((_format: string, _prev: number, _next: number, _more: number) => 0)

declare const anyFormat: string
// error: TS2345
marker('test:unknown', anyFormat)
