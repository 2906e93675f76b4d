/** Texts that a program and its test can both tell from a number. */

const COUNT = 1024
const MAX_LENGTH = 80
const ALPHABETS = ['abcdefghijklmnopqrstuvwxyz', 'aé', 'ab漢字', 'x😀y', 'ÄÖÜß€']

/** 32-bit numbers from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let z = Math.imul(state ^ (state >>> 15), state | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return (z ^ (z >>> 14)) >>> 0
  }
}

/** Lengths from 0 to 80 UTF-16 units. */
export const TEXTS: readonly string[] = makeTexts()

function makeTexts(): string[] {
  const random = randomFrom(7)
  return Array.from({ length: COUNT }, () => {
    const letters = [...(ALPHABETS[random() % ALPHABETS.length] as string)]
    const length = random() % (MAX_LENGTH + 1)
    let text = ''
    for (;;) {
      const letter = letters[random() % letters.length] as string
      if (text.length + letter.length > length) return text
      text += letter
    }
  })
}

/** Index of the text of record `n`. */
export function textIndex(n: number): number {
  return (Math.imul(n, 0x9e3779b1) >>> 0) % COUNT
}
