/**
 * Runs into the end of the stack again and again, hitting a site at the last depths. Says how many hits returned
 * and how many threw: only a RangeError may come out of a site, and only at the end of the stack.
 */
import { i32, str, struct, tracepoint } from '../../../tracer/index.ts'

const DESCENTS = 200
const PADDINGS = 16
/** Most of the stack is used up without a site: what matters is its end. */
const LAST_FRAMES = 200

const flat = tracepoint('deep:flat', i32('descent'), i32('depth'), str('text'))
const nested = tracepoint('deep:nested', struct('at', i32('descent'), i32('depth'), str('text')))
const end = tracepoint('deep:end', i32('n'))
const text = 'some text of more than a few bytes'.repeat(3)
const said = { returned: 0, thrown: 0, others: 0 }
let deepest = 0

/** Frames of different sizes end at different places in a site. */
function down(descent: number, depth: number, site: (depth: number) => void, ...padding: number[]): void {
  let isIn = false
  try {
    if (depth > deepest - LAST_FRAMES) {
      isIn = true
      site(depth)
      isIn = false
      said.returned++
    }
    down(descent, depth + 1, site, ...padding)
  } catch (error) {
    if (isIn) said.thrown++
    if (!(error instanceof RangeError)) said.others++
  }
}

/** How deep `down` goes with this padding, found by going there. */
function depthOf(descent: number, ...padding: number[]): number {
  let reached = 0
  const note = (depth: number): void => {
    reached = depth
  }
  deepest = 0
  const { returned, thrown } = said
  down(descent, 0, note, ...padding)
  Object.assign(said, { returned, thrown })
  return reached
}

flat(-1, 0, text)
nested({ descent: -1, depth: 0, text })
for (let descent = 0; descent < DESCENTS; descent++) {
  const padding = new Array<number>(descent % PADDINGS).fill(descent)
  const site =
    descent % 2 === 0
      ? (depth: number) => flat(descent, depth, text)
      : (depth: number) => nested({ descent, depth, text })
  deepest = depthOf(0, ...padding)
  down(descent, 0, site, ...padding)
}
for (let n = 0; n < 10; n++) end(n)
process.stdout.write(`${JSON.stringify(said)}\n`)
