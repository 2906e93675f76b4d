import { KymoError } from './error.ts'

/** Refuses a state that only a mistake in Kymograph itself can bring about. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new KymoError('KYMO_ASSERT', `assertion failed: ${what}`)
}

export function assertUnreachable(value: never): never {
  throw new KymoError('KYMO_ASSERT', `unreachable: ${JSON.stringify(value)}`)
}
