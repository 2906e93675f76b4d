import assert from 'node:assert/strict'
import test from 'node:test'
import { portableUtf8 } from '../ctf/codec/index.ts'
import { contextBytes } from './context.ts'
import { FORMS, MAKER_NAMES, Recording } from './recording.contract.ts'

const THREAD = { vpid: 4660, vtid: -2, procname: 'node', thread_name: 'Überlänge-Fadenname😀' }
const NODE = `6e6f6465${'00'.repeat(13)}`
/** All of the 17 bytes, and no end. */
const NAME = Buffer.from('Überlänge-Faden').toString('hex')

const CASES: readonly (readonly [names: readonly string[], bytes: string])[] = [
  [[], ''],
  [['vpid'], '34120000'],
  [['vtid', 'vpid'], 'feffffff34120000'],
  [['procname'], NODE],
  [['thread_name'], NAME],
  [['vpid', 'vtid', 'procname', 'thread_name'], `34120000feffffff${NODE}${NAME}`],
  [['perf:cycles', 'vpid'], '34120000'],
]

for (const [names, bytes] of CASES) {
  test(`context of ${names.join(', ') || 'nothing'}`, () => {
    assert.equal(Buffer.from(contextBytes(names, THREAD, portableUtf8)).toString('hex'), bytes)
  })
}

for (const maker of MAKER_NAMES) {
  for (const form of FORMS) {
    test(`${maker}: each ${form} record has the context, of any length`, () => {
      for (let length = 0; length <= 45; length++) {
        const context = Uint8Array.from({ length }, (_, i) => 255 - i)
        const recording = new Recording({ maker, form, context })
        const { run } = recording.recorder(['i32', 'str'], { id: 2 })
        run(-1, 'x')
        run(7, 'y'.repeat(100))
        const [one, other] = recording.take()
        const hex = Buffer.from(context).toString('hex')
        assert.deepEqual([one?.context, other?.context], [hex, hex])
        assert.deepEqual(
          [one?.values, other?.values],
          [
            [-1, 'x'],
            [7, 'y'.repeat(100)],
          ],
        )
      }
    })
  }
}
