/**
 * A fast reader of our traces, for tests alone: it shares no line with the writer. While it reads it checks
 * what every stream promises.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const HEAD_BYTES = 80
const MAGIC = 0xc1fc1fc1
const INDEX_HEADER_BYTES = 16
const INDEX_ENTRY_BYTES = 72
const INDEX_MAGIC = 0xc1f1dcc1
const ID_BITS = 5
const EXTENDED = 31
const WRAP = 2 ** 27

export interface Packet {
  readonly begin: number
  readonly end: number
  readonly discarded: number
  /** Where its records begin and end in the file. */
  readonly start: number
  readonly stop: number
}

export interface Stream {
  readonly path: string
  readonly bytes: Buffer
  readonly packets: readonly Packet[]
  /** Records lost in all. */
  readonly discarded: number
}

export interface Trace {
  readonly path: string
  readonly pid: number
  readonly streams: readonly Stream[]
  /** Names of the event classes by id. */
  readonly classes: ReadonlyMap<number, string>
  /** Each record has the id of its thread. */
  readonly hasThreadId: boolean
}

export function readTraces(output: string): Trace[] {
  const folder = join(output, 'ust', 'pid')
  return readdirSync(folder).map(name => readTrace(join(folder, name)))
}

function readTrace(path: string): Trace {
  const metadata = readFileSync(join(path, 'metadata'), 'utf8')
  const classes = new Map<number, string>()
  for (const [, name, id] of metadata.matchAll(/^event \{\n\tname = "([^"]*)";\n\tid = (\d+);/gm)) {
    assert.ok(!classes.has(Number(id)), `event class ${id} is declared once`)
    classes.set(Number(id), name as string)
  }
  const names = readdirSync(path).filter(name => name !== 'metadata' && name !== 'index')
  assert.deepEqual(
    readdirSync(join(path, 'index')).sort(),
    names.map(name => `${name}.idx`).sort(),
    'each stream has an index',
  )
  return {
    path,
    pid: Number(/\tvpid = (\d+);/.exec(metadata)?.[1]),
    streams: names.map(name => readStream(join(path, name), join(path, 'index', `${name}.idx`))),
    classes,
    hasThreadId: metadata.includes(' _vtid;'),
  }
}

function readStream(path: string, indexPath: string): Stream {
  const bytes = readFileSync(path)
  const index = readFileSync(indexPath)
  assert.deepEqual(
    [index.readUInt32BE(0), index.readUInt32BE(4), index.readUInt32BE(8), index.readUInt32BE(12)],
    [INDEX_MAGIC, 1, 1, INDEX_ENTRY_BYTES],
  )
  const packets: Packet[] = []
  for (let at = 0; at < bytes.length; ) {
    const packet = readPacket(bytes, at, path, packets.length)
    const last = packets.at(-1)
    assert.equal(packet.discarded >= (last?.discarded ?? 0), true, `${path}: losses never go back`)
    if (last === undefined) assert.equal(packet.discarded, 0, `${path}: a stream begins without losses`)
    else assert.equal(packet.begin, last.end, `${path}: packet ${packets.length} begins where the last ended`)
    assert.ok(packet.begin <= packet.end, `${path}: packet ${packets.length} ends before it begins`)
    checkIndex(index, packets.length, bytes, at)
    packets.push(packet)
    at = packet.stop
  }
  assert.equal(index.length, INDEX_HEADER_BYTES + packets.length * INDEX_ENTRY_BYTES)
  return { path, bytes, packets, discarded: packets.at(-1)?.discarded ?? 0 }
}

function readPacket(bytes: Buffer, at: number, path: string, number: number): Packet {
  assert.ok(at + HEAD_BYTES <= bytes.length, `${path}: packet ${number} is cut`)
  assert.equal(bytes.readUInt32LE(at), MAGIC)
  const size = bytes.readBigUInt64LE(at + 56)
  assert.equal(bytes.readBigUInt64LE(at + 48), size, `${path}: packet ${number} has no padding`)
  assert.equal(bytes.readBigUInt64LE(at + 64), BigInt(number), `${path}: packets are numbered without a gap`)
  const stop = at + Number(size) / 8
  assert.ok(stop >= at + HEAD_BYTES && stop <= bytes.length, `${path}: packet ${number} is cut`)
  return {
    begin: Number(bytes.readBigUInt64LE(at + 32)),
    end: Number(bytes.readBigUInt64LE(at + 40)),
    discarded: Number(bytes.readBigUInt64LE(at + 72)),
    start: at + HEAD_BYTES,
    stop,
  }
}

/** Offset; packet and content size, begin, end, losses, stream, instance, number, as the packet has them. */
function checkIndex(index: Buffer, number: number, bytes: Buffer, at: number): void {
  const entry = INDEX_HEADER_BYTES + number * INDEX_ENTRY_BYTES
  const words = Array.from({ length: 9 }, (_, i) => index.readBigUInt64BE(entry + 8 * i))
  const word = (offset: number): bigint => bytes.readBigUInt64LE(at + offset)
  const stream = BigInt(bytes.readUInt32LE(at + 20))
  const expected = [BigInt(at), word(56), word(48), word(32), word(40), word(72), stream, word(24), word(64)]
  assert.deepEqual(words, expected, 'the index says what the packet says')
}

/** Returns the offset behind the payload that begins at `at`. */
export type PayloadReader = (bytes: Buffer, at: number, eventId: number) => number

/**
 * Calls `payload` for each record of a stream with compact headers, and `onPacketEnd` behind each packet's
 * last. Times go up, and each packet ends with the time of its last record. Returns the number of records.
 */
export function readRecords(
  { hasThreadId, classes }: Trace,
  { bytes, packets, path }: Stream,
  payload: PayloadReader,
  onPacketEnd: (packet: Packet, isEmpty: boolean) => void = () => {},
): number {
  const contextBytes = hasThreadId ? 4 : 0
  let records = 0
  for (const packet of packets) {
    let time = packet.begin
    let at = packet.start
    while (at < packet.stop) {
      const short = bytes.readUInt32LE(at)
      let id = short & (2 ** ID_BITS - 1)
      if (id === EXTENDED) {
        id = bytes.readUInt32LE(at + 1)
        const full = bytes.readUInt32LE(at + 5) + bytes.readUInt32LE(at + 9) * 2 ** 32
        if (full < time) assert.fail(`${path}: record ${records} at ${full} comes after ${time}`)
        time = full
        at += 13
      } else {
        const low = short >>> ID_BITS
        const next = time - (time % WRAP) + low
        time = next < time ? next + WRAP : next
        at += 4
      }
      if (!classes.has(id)) assert.fail(`${path}: record ${records} has the unknown class ${id}`)
      at = payload(bytes, at + contextBytes, id)
      records++
    }
    assert.equal(at, packet.stop, `${path}: records fill their packet`)
    const isEmpty = packet.start === packet.stop
    if (!isEmpty) assert.equal(time, packet.end, `${path}: a packet ends with its last record`)
    onPacketEnd(packet, isEmpty)
  }
  return records
}
