import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KymoError } from '../base/index.ts'
import { appendWholly } from './append.ts'
import { onFile } from './file-error.ts'

const FILE_MODE = 0o600
const SIGNATURE = '/* CTF 1.8 */'
/** Ends each fragment and stands nowhere else (`ctf/metadata/tsdl/blocks.ts`). */
const FRAGMENT_END = '};\n\n'

/** The metadata text of a trace: whole fragments, each appended by one `write`. */
export class MetadataFile {
  readonly path: string
  readonly #fd: number
  readonly #streams = new Set<number>()
  readonly #events = new Set<string>()
  #size = 0
  #bytesWritten = 0
  #uuid: string | undefined

  /** `adopt` takes what is there and cuts a torn last fragment, else there must be no such file. */
  constructor(directory: string, how: 'create' | 'adopt') {
    this.path = join(directory, 'metadata')
    const { O_RDWR, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
    const flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | (how === 'create' ? O_EXCL : 0)
    this.#fd = onFile(this.path, 'open the metadata', () => openSync(this.path, flags, FILE_MODE))
    try {
      if (how === 'adopt') onFile(this.path, 'adopt the metadata', () => this.#adopt())
    } catch (error) {
      closeSync(this.#fd)
      throw error
    }
  }

  /** Of the trace, as far as the text that was there tells, be it torn. */
  get uuid(): string | undefined {
    return this.#uuid
  }

  get isEmpty(): boolean {
    return this.#size === 0
  }

  get bytesWritten(): number {
    return this.#bytesWritten
  }

  hasStream(id: number): boolean {
    return this.#streams.has(id)
  }

  hasEvent(streamId: number, id: number): boolean {
    return this.#events.has(`${streamId}:${id}`)
  }

  append(fragment: string): void {
    const bytes = new TextEncoder().encode(fragment)
    appendWholly(this.#fd, bytes, this.#size, this.path, `append ${bytes.length} bytes of metadata`)
    this.#size += bytes.length
    this.#bytesWritten += bytes.length
    this.#note(fragment)
  }

  close(): void {
    closeSync(this.#fd)
  }

  #adopt(): void {
    // One character per byte, so that positions in the text are positions in the file.
    const text = readFileSync(this.#fd, 'latin1')
    if (!text.startsWith(SIGNATURE.slice(0, text.length))) {
      throw new KymoError(
        'KYMO_METADATA',
        `${this.path} must begin with ${SIGNATURE}: move what is not a trace of Kymograph out of the way`,
        { path: this.path },
      )
    }
    this.#uuid = /^\tuuid = "([0-9a-f-]{36})";\n/m.exec(text)?.[1]
    const end = text.lastIndexOf(FRAGMENT_END)
    this.#size = end < 0 ? 0 : end + FRAGMENT_END.length
    if (this.#size < fstatSync(this.#fd).size) ftruncateSync(this.#fd, this.#size)
    for (const fragment of text.slice(0, this.#size).split(FRAGMENT_END)) this.#note(fragment)
  }

  /** A line with one tab is a block's own: strings hold neither tabs nor line ends, members stand deeper. */
  #note(fragment: string): void {
    const number = (name: string): number =>
      Number(new RegExp(`^\\t${name} = (\\d+);$`, 'm').exec(fragment)?.[1])
    if (fragment.startsWith('stream {')) this.#streams.add(number('id'))
    if (fragment.startsWith('event {')) this.#events.add(`${number('stream_id')}:${number('id')}`)
  }
}
