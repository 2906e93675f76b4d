import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ClockClass, DataStreamClass, EventRecordClass, TraceClass } from '../ctf/model/index.ts'
import { needs, needsKernel } from '../testing/index.ts'
import { PACKET_CONTEXT, PACKET_HEADER, type PacketDescription, TraceWriter, tracePath } from './index.ts'

const u = (length: number) =>
  ({ type: 'fixed-length-unsigned-integer', length, byteOrder: 'little-endian', alignment: 8 }) as const
const TRACE: TraceClass = {
  uuid: '00112233-4455-6677-8899-aabbccddeeff',
  byteOrder: 'little-endian',
  environment: { domain: 'ust' },
  packetHeader: PACKET_HEADER,
}
const OTHER: TraceClass = { ...TRACE, uuid: 'ffffffff-4455-6677-8899-aabbccddeeff' }
const CLOCK: ClockClass = {
  name: 'monotonic',
  uuid: '01234567-89ab-cdef-0123-456789abcdef',
  description: 'Monotonic Clock',
  frequency: 1_000_000_000n,
  offsetFromEpoch: 0n,
}
const STREAM: DataStreamClass = {
  id: 0,
  packetContext: PACKET_CONTEXT,
  eventRecordHeader: {
    type: 'structure',
    memberClasses: [
      { name: 'id', fieldClass: u(8) },
      { name: 'timestamp', fieldClass: { ...u(64), roles: ['default-clock-timestamp'] } },
    ],
  },
}
const EVENT: EventRecordClass = {
  name: 'app:hit',
  logLevel: 'INFO',
  payload: { type: 'structure', memberClasses: [{ name: 'n', fieldClass: u(8) }] },
}
const FIRST: PacketDescription = { begin: 100n, end: 200n, discarded: 0, sequenceNumber: 0 }
const SECOND: PacketDescription = { begin: 200n, end: 300n, discarded: 7, sequenceNumber: 1 }
const PACKET_BYTES = 90

function record(time: bigint, n: number): Uint8Array {
  const bytes = Buffer.alloc(10)
  bytes.writeBigUInt64LE(time, 1)
  bytes[9] = n
  return bytes
}

function directoryFor(t: TestContext): string {
  const parent = fs.mkdtempSync(join(tmpdir(), 'kymo-store-'))
  t.after(() => fs.rmSync(parent, { recursive: true }))
  return join(parent, 'trace')
}

function declare(writer: TraceWriter): void {
  writer.addStreamClass(STREAM)
  writer.addEventClass(0, 0, EVENT)
}

function twoPackets(directory: string): void {
  const writer = TraceWriter.create(directory, TRACE, CLOCK)
  declare(writer)
  const stream = writer.openStream('chan_3', 0, 3)
  stream.write(FIRST, [record(150n, 1)])
  stream.write(SECOND, [record(250n, 2)])
  writer.close()
}

function babeltrace(directory: string) {
  const ran = spawnSync('babeltrace2', ['--clock-cycles', '--no-delta', '--fields=trace', directory], {
    encoding: 'utf8',
  })
  const events = [...ran.stdout.matchAll(/\[0*(\d+)\].*\{ n = (\d+) \}/g)].map(
    ([, time, n]) => `${time}:${n}`,
  )
  return { status: ran.status, stderr: ran.stderr, events }
}

const files = (d: string) => [join(d, 'metadata'), join(d, 'chan_3'), join(d, 'index/chan_3.idx')] as const

test('a packet and its index entry, byte by byte', t => {
  const directory = directoryFor(t)
  twoPackets(directory)
  const [, stream, index] = files(directory)
  const hex = (path: string, from: number, to: number) =>
    fs.readFileSync(path).subarray(from, to).toString('hex')
  assert.equal(
    hex(stream, PACKET_BYTES, 2 * PACKET_BYTES),
    'c11ffcc1' +
      '00112233445566778899aabbccddeeff' +
      '00000000' +
      '0300000000000000' +
      'c800000000000000' +
      '2c01000000000000' +
      'd002000000000000' +
      'd002000000000000' +
      '0100000000000000' +
      '0700000000000000' +
      '00fa0000000000000002',
  )
  assert.equal(
    hex(index, 0, 16) + hex(index, 88, 160),
    'c1f1dcc1' +
      '00000001' +
      '00000001' +
      '00000048' +
      '000000000000005a' +
      '00000000000002d0' +
      '00000000000002d0' +
      '00000000000000c8' +
      '000000000000012c' +
      '0000000000000007' +
      '0000000000000000' +
      '0000000000000003' +
      '0000000000000001',
  )
  assert.equal(fs.statSync(stream).size, 180)
  assert.equal(fs.statSync(index).size, 160)
})

test('babeltrace2 reads the trace and says what was discarded', t => {
  if (!needs(t, 'babeltrace2')) return
  const directory = directoryFor(t)
  twoPackets(directory)
  const { status, stderr, events } = babeltrace(directory)
  assert.equal(status, 0)
  assert.deepEqual(events, ['150:1', '250:2'])
  assert.match(
    stderr,
    /^WARNING: Tracer discarded 7 events between \[[0-9:.]*200\] and \[[0-9:.]*300\][^\n]*\n$/,
  )
})

test('a stream without packets is read without a word', t => {
  if (!needs(t, 'babeltrace2')) return
  const directory = directoryFor(t)
  const writer = TraceWriter.create(directory, TRACE, CLOCK)
  declare(writer)
  writer.openStream('chan_0', 0, 0)
  writer.close()
  assert.deepEqual(babeltrace(directory), { status: 0, stderr: '', events: [] })
})

test('bytesWritten is what is in the files, whether streams are open or closed', t => {
  const directory = directoryFor(t)
  const writer = TraceWriter.create(directory, TRACE, CLOCK)
  declare(writer)
  const stream = writer.openStream('chan_3', 0, 3)
  stream.write(FIRST, [record(150n, 1), new Uint8Array(0)])
  const sum = () => files(directory).reduce((bytes, path) => bytes + fs.statSync(path).size, 0)
  assert.equal(writer.bytesWritten, sum())
  stream.close()
  assert.equal(writer.bytesWritten, sum())
  assert.equal(writer.openStream('chan_3', 0, 3).nextSequenceNumber, 1)
  writer.close()
})

test('a stream file that is not ours is refused and left as it was', t => {
  const directory = directoryFor(t)
  twoPackets(directory)
  const foreign = join(directory, 'notes.txt')
  fs.writeFileSync(foreign, 'a'.repeat(200))
  assert.throws(() => TraceWriter.adopt(directory, OTHER, CLOCK), { code: 'KYMO_FOREIGN_STREAM' })
  assert.equal(fs.statSync(foreign).size, 200)
})

test('a torn stream that nobody opens again is repaired by adoption', t => {
  if (!needs(t, 'babeltrace2')) return
  const directory = directoryFor(t)
  twoPackets(directory)
  fs.truncateSync(files(directory)[1], 130)
  TraceWriter.adopt(directory, OTHER, CLOCK).close()
  assert.deepEqual(babeltrace(directory), { status: 0, stderr: '', events: ['150:1'] })
})

for (const [which, what] of ['metadata', 'stream', 'index'].entries()) {
  test(`adoption after the ${what} was cut at any byte`, t => {
    const directory = directoryFor(t)
    twoPackets(directory)
    const whole = files(directory).map(path => fs.readFileSync(path))
    for (let cut = 0; cut <= (whole[which] as Buffer).length; cut++) {
      for (const [i, path] of files(directory).entries()) fs.writeFileSync(path, whole[i] as Buffer)
      fs.truncateSync(files(directory)[which] as string, cut)
      const writer = TraceWriter.adopt(directory, OTHER, CLOCK)
      declare(writer)
      const stream = writer.openStream('chan_3', 0, 3)
      const kept = which === 1 ? Math.floor(cut / PACKET_BYTES) : 2
      assert.equal(stream.nextSequenceNumber, kept, `cut at ${cut}`)
      if (kept < 1) stream.write(FIRST, [record(150n, 1)])
      if (kept < 2) stream.write(SECOND, [record(250n, 2)])
      writer.close()
      for (const [i, path] of files(directory).entries()) {
        assert.deepEqual(fs.readFileSync(path), whole[i], `${path} after a cut at ${cut}`)
      }
    }
  })
}

test('an index of zeros, as after a power failure, is built anew', t => {
  const directory = directoryFor(t)
  twoPackets(directory)
  const index = files(directory)[2]
  const whole = fs.readFileSync(index)
  for (const from of [0, 16, 88]) {
    fs.writeFileSync(index, Buffer.from(whole).fill(0, from))
    TraceWriter.adopt(directory, OTHER, CLOCK).close()
    assert.deepEqual(fs.readFileSync(index), whole, `zeros from ${from}`)
  }
})

test('a full disk leaves a valid trace, and the same packet can be written later', t => {
  const parent = fs.mkdtempSync(join(tmpdir(), 'kymo-full-'))
  t.after(() => fs.rmSync(parent, { recursive: true }))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', parent]).status === 0
  if (!needsKernel(t, 'the right to mount a tmpfs', mounted)) return
  try {
    const directory = join(parent, 'trace')
    const writer = TraceWriter.create(directory, TRACE, CLOCK)
    declare(writer)
    const stream = writer.openStream('chan_3', 0, 3)
    stream.write(FIRST, [record(150n, 1)])
    const filler = join(parent, 'filler')
    fs.writeFileSync(filler, Buffer.alloc(32768))
    const before = files(directory).map(path => fs.readFileSync(path))
    const written = writer.bytesWritten
    const big = Array.from({ length: 4000 }, (_, i) => record(250n, i))
    for (let i = 0; i < 2; i++) {
      assert.throws(() => stream.write(SECOND, big), {
        name: 'KymoError',
        code: 'KYMO_ENOSPC',
        message: /chan_3/,
      })
      for (const [k, path] of files(directory).entries()) assert.deepEqual(fs.readFileSync(path), before[k])
    }
    assert.equal(writer.bytesWritten, written)
    assert.equal(stream.nextSequenceNumber, 1)
    fs.rmSync(filler)
    stream.write(SECOND, big.slice(0, 2))
    writer.close()
    assert.equal(fs.statSync(files(directory)[1]).size, PACKET_BYTES + 100)
  } finally {
    spawnSync('umount', [parent])
  }
})

test('an output that cannot be is refused with path and remedy', t => {
  const directory = directoryFor(t)
  fs.writeFileSync(directory, '')
  assert.throws(() => TraceWriter.create(join(directory, 'x'), TRACE, CLOCK), {
    code: 'KYMO_ENOTDIR',
    message: /choose/,
  })
  fs.rmSync(directory)
  twoPackets(directory)
  assert.throws(() => TraceWriter.create(directory, TRACE, CLOCK), {
    code: 'KYMO_ENOTEMPTY',
    message: /new or empty/,
  })
  assert.throws(() => TraceWriter.create('/proc/kymo', TRACE, CLOCK), {
    name: 'KymoError',
    message: /\/proc\/kymo/,
  })
  const writer = TraceWriter.adopt(directory, OTHER, CLOCK)
  for (const name of ['metadata', 'index', '.x', 'a/b', '..', '']) {
    assert.throws(() => writer.openStream(name, 0, 9), { code: 'KYMO_STREAM_NAME' })
  }
  assert.throws(() => writer.openStream('chan_3', 0, 4), { code: 'KYMO_FOREIGN_STREAM' })
  writer.close()
})

test('a trace path holds no more than one name of the program', () => {
  const date = new Date(2026, 0, 2, 3, 4, 5)
  assert.equal(tracePath('/out', 'node', 7, date), '/out/ust/pid/node-7-20260102-030405')
  assert.equal(tracePath('/out', '../a/b\n', 7, date), '/out/ust/pid/___a_b_-7-20260102-030405')
  assert.equal(tracePath('/out', '', 7, date), '/out/ust/pid/_-7-20260102-030405')
})
