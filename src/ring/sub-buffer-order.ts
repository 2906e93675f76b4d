/** Which sub-buffer comes next: what the two modes of a ring do when the writer leaves one. */
import {
  PLACE_FREE,
  PLACE_PHYSICAL,
  placesWord,
  placeWord,
  RELEASED_WORD,
  type RingGeometry,
} from './layout.ts'

export interface SubBufferOrder {
  /** False while the reader still needs what lies where sub-buffer `next` would go. */
  hasRoom(next: number): boolean
  /** Leaves the sub-buffer of `sequence`, whose header is complete; the physical id of the next one. */
  go(physical: number, sequence: number): number
  /** The sub-buffer of `sequence` was left already, by a writer that is gone. */
  isEnded(sequence: number): boolean
}

/** One after the other; the newest record is lost when the reader is too slow. */
export function discardOrder(words: Int32Array, { subBufferCount }: RingGeometry): SubBufferOrder {
  return {
    hasRoom: next => ((next - Atomics.load(words, RELEASED_WORD)) | 0) < subBufferCount,
    go: physical => (physical + 1 === subBufferCount ? 0 : physical + 1),
    isEnded: () => false,
  }
}

/**
 * As the table says, in which a reader exchanges sub-buffers that it wants to keep for spare ones. There is always
 * room: the writer takes what lies at the next position, and by the same atomic operation out of the reader's reach.
 */
export function overwriteOrder(words: Int32Array, geometry: RingGeometry): SubBufferOrder {
  const { subBufferCount } = geometry
  const places = placesWord(geometry)
  const placeOf = (sequence: number): number => places + (sequence & (subBufferCount - 1))
  const isEnded = (sequence: number): boolean => (Atomics.load(words, placeOf(sequence)) & PLACE_FREE) !== 0
  return {
    hasRoom: () => true,
    go: (physical, sequence) => {
      // What was left before its writer died is no longer ours to give: a reader may hold it.
      if (!isEnded(sequence)) {
        Atomics.store(words, placeOf(sequence), placeWord(physical, sequence, subBufferCount))
      }
      return Atomics.and(words, placeOf(sequence + 1), ~PLACE_FREE) & PLACE_PHYSICAL
    },
    isEnded,
  }
}
