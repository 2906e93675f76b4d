/**
 * Rounds of several programs in turn. A pair is one round of each, within a fraction of a second, and every
 * second pair runs in the opposite order: what the machine does meanwhile meets all of them alike.
 */
import { delay } from './scratch.mjs'

/**
 * @param parties functions that run one round and return its number
 * @returns one array of values per party, all of length `pairs`
 */
export const interleave = async (parties, pairs, pauseMs) => {
  const values = parties.map(() => [])
  for (let pair = 0; pair < pairs; pair++) {
    const order = parties.map((_, index) => index)
    if (pair % 2) order.reverse()
    for (const index of order) {
      values[index].push(await parties[index]())
      if (pauseMs) await delay(pauseMs)
    }
  }
  return values
}

/** Starts all, or none: what has started is ended again when another one fails. */
export const startAll = async starts => {
  const started = await Promise.allSettled(starts.map(start => start()))
  const failed = started.find(({ status }) => status === 'rejected')
  if (!failed) return started.map(({ value }) => value)
  for (const { value } of started) await value?.finish().catch(() => {})
  throw failed.reason
}

/** Runs `body`, and ends all sides in any case. @returns [what body returned, the counts of each side] */
export const withSides = async (sides, body) => {
  try {
    const result = await body()
    return [result, await Promise.all(sides.map(side => side.finish()))]
  } catch (error) {
    for (const side of sides) await side.finish().catch(() => {})
    throw error
  }
}
