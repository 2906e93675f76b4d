/**
 * Where values that are objects are read into before a record is begun, since reading them may run the program's
 * own code. A stack: a record that such code makes uses what lies above.
 */
export class Scratch {
  view = new DataView(new ArrayBuffer(0))
  bytes = new Uint8Array(0)
  top = 0

  /** Room for `size` bytes above the top; what is below keeps its offsets. */
  need(size: number): void {
    if (this.top + size <= this.bytes.length) return
    if (this.top + size > MOST_BYTES)
      throw new RangeError(`a record has at most ${MOST_BYTES} bytes: got ${size}`)
    const grown = new Uint8Array(Math.max(FIRST_BYTES, 2 ** Math.ceil(Math.log2(this.top + size))))
    grown.set(this.bytes)
    this.bytes = grown
    this.view = new DataView(grown.buffer)
  }
}

const FIRST_BYTES = 4096
/** Far above any sub-buffer in use, and far below what a made-up length could ask for. */
const MOST_BYTES = 2 ** 26
