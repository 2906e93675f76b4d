/** Texts of every length at the end of a sub-buffer: all of it is recorded, and no other byte changed. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { OWN_OFFSET } from '../ring/reserve.ts'
import { MAKER_NAMES, type Maker, Recording } from './recording.contract.ts'

const SUB_BUFFER_BYTES = 4096
const GUARD = 0xa5
const LONGEST_HEADER = 13
const SHORT = 32
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz'.repeat(3)

/** Bytes that a writer asks for: compiled, with three for each character where counting them would cost more. */
function asked(maker: Maker, text: string): number {
  if (maker === 'compiled' && text.length <= SHORT) return LONGEST_HEADER + 3 * text.length + 4
  return LONGEST_HEADER + Buffer.byteLength(text.replaceAll('\0', '\u2400')) + 1
}

class Tail {
  readonly recording: Recording
  readonly #run: (text: string) => void
  readonly #fill: (bytes: number) => void

  constructor(maker: Maker) {
    this.recording = new Recording({ maker, subBufferBytes: SUB_BUFFER_BYTES })
    this.#run = this.recording.recorder(['str'], { id: 1 }).run
    const filler = this.recording.recorder(['str'], { id: 2 }).run
    this.#fill = bytes => filler('f'.repeat(bytes - 5))
  }

  #left(): number {
    const used = (this.recording.writer.own[OWN_OFFSET] as number) % SUB_BUFFER_BYTES
    return used === 0 ? 0 : SUB_BUFFER_BYTES - used
  }

  /** Leaves `room` bytes of a sub-buffer, which the reader has read. */
  #leave(room: number): void {
    if (this.#left() < room + 200) this.#fill(Math.max(60, this.#left()))
    this.#fill(this.#left() - room)
    this.recording.takeBytes()
    assert.equal(this.#left(), room)
  }

  /** Records a text where `room` bytes are left, and reads it back; `fits` says whether it goes there. */
  record(text: string, room: number, fits: boolean): unknown {
    this.#leave(room)
    const { bytes, own } = this.recording.writer
    const from = own[OWN_OFFSET] as number
    const base = from + room - SUB_BUFFER_BYTES
    const other = base === 0 ? SUB_BUFFER_BYTES : 0
    bytes.fill(GUARD)
    this.#run(text)
    const end = own[OWN_OFFSET] as number
    assert.equal(end > from && end <= from + room, fits, `${text.length} characters in ${room} bytes`)
    if (fits) {
      assertGuarded(bytes.subarray(base, from))
      assertGuarded(bytes.subarray(other, other + SUB_BUFFER_BYTES))
    } else assertGuarded(bytes.subarray(base, base + SUB_BUFFER_BYTES))
    const [record, ...more] = this.recording.take()
    assert.deepEqual(more, [])
    return record?.values[0]
  }
}

const guards = Buffer.alloc(2 * SUB_BUFFER_BYTES, GUARD)

function assertGuarded(bytes: Uint8Array): void {
  assert.equal(
    Buffer.compare(bytes, guards.subarray(0, bytes.length)),
    0,
    'a byte outside of the record has changed',
  )
}

function expected(text: string): string {
  return Buffer.from(text.replaceAll('\0', '\u2400')).toString()
}

for (const maker of MAKER_NAMES) {
  for (const [name, character] of Object.entries({
    ASCII: 'z',
    'two bytes': 'é',
    emoji: '😀',
    'U+0000': '\0',
  })) {
    test(`${maker}: texts with ${name} at each place, at the end of a sub-buffer`, () => {
      const tail = new Tail(maker)
      for (let length = 0; length <= 70; length++) {
        const at = Array.from({ length: Math.max(0, length - character.length + 1) }, (_, i) => i)
        const texts = at.map(
          i => ALPHABET.slice(0, i) + character + ALPHABET.slice(i + character.length, length),
        )
        for (const text of [ALPHABET.slice(0, length), ...texts]) {
          assert.equal(text.length, length)
          const need = asked(maker, text)
          for (const room of [need - 1, need, need + 2]) {
            assert.equal(tail.record(text, room, room >= need), expected(text))
          }
        }
      }
      assert.equal(tail.recording.lost, 0)
    })
  }
}
