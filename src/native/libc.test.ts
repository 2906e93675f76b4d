import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { needsKernel } from '../testing/index.ts'
import {
  EAGAIN,
  EEXIST,
  ENXIO,
  loadLibc,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  requireLibc,
} from './index.ts'

const libc = requireLibc()
const MODULE = new URL('./index.js', import.meta.url).href
const ELOOP = 40
const ENOENT = 2
const INCREMENTS = 300_000
const PAGE = 4096

function folder(t: TestContext): string {
  const path = mkdtempSync('/dev/shm/kymo-native-')
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function fileOf(path: string, bytes: number): number {
  const fd = openSync(path, 'wx+', 0o600)
  assert.equal(libc.allocate(fd, bytes), true)
  return fd
}

/** A process that runs `body` with the C library as `libc` and `path`; it says what it prints. */
function child(t: TestContext, path: string, body: string): { process: ChildProcess; said: Promise<string> } {
  const code = `import { requireLibc } from ${JSON.stringify(MODULE)}
    import { openSync, writeSync } from 'node:fs'
    const libc = requireLibc(), path = ${JSON.stringify(path)}
    ${body}`
  const process_ = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => process_.kill('SIGKILL'))
  const said = new Promise<string>(resolve => process_.stdout?.once('data', chunk => resolve(String(chunk))))
  return { process: process_, said }
}

function ended(process_: ChildProcess): Promise<number | null> {
  return new Promise(resolve => process_.once('close', resolve))
}

/** Who locked first keeps the lock: false while another holds it. */
function canLock(path: string): boolean {
  const fd = openSync(path, 'r')
  const locked = libc.tryLock(fd)
  closeSync(fd)
  return locked
}

test('a map is shared by two processes, and their atomic increments are all there', async t => {
  //  this process ──┐  ┌──────────────┐
  //                 ├─▶│ word 0: + 1  │   300 000 each: 600 000, exactly
  //  a child ───────┘  └──────────────┘
  const path = join(folder(t), 'words')
  const fd = fileOf(path, PAGE)
  const words = new Int32Array(libc.map(fd, PAGE, 'read-write'))
  closeSync(fd)
  const other = child(
    t,
    path,
    `const words = new Int32Array(libc.map(openSync(path, 'r+'), ${PAGE}, 'read-write'))
     Atomics.store(words, 1, 1)
     while (Atomics.load(words, 2) === 0);
     for (let i = 0; i < ${INCREMENTS}; i++) Atomics.add(words, 0, 1)`,
  )
  while (Atomics.load(words, 1) === 0) await new Promise(resolve => setImmediate(resolve))
  const end = ended(other.process)
  Atomics.store(words, 2, 1)
  for (let i = 0; i < INCREMENTS; i++) Atomics.add(words, 0, 1)
  assert.equal(await end, 0)
  assert.equal(words[0], 2 * INCREMENTS)
})

test('a map outlives its descriptor and its name', t => {
  const path = join(folder(t), 'words')
  const fd = fileOf(path, PAGE)
  const one = new Int32Array(libc.map(fd, PAGE, 'read-write'))
  const two = new Int32Array(libc.map(fd, PAGE, 'read'))
  closeSync(fd)
  rmSync(path)
  one[7] = 42
  assert.equal(two[7], 42)
})

test('a map of nothing fails with the call and its errno', () => {
  assert.throws(() => libc.map(-1, PAGE, 'read'), {
    name: 'KymoError',
    code: 'KYMO_EBADF',
    message: 'mmap of 4096 bytes: EBADF',
  })
})

test('mkfifo names the path and what is there', t => {
  const path = join(folder(t), 'fifo')
  libc.mkfifo(path, 0o600)
  assert(statSync(path).isFIFO())
  assert.throws(
    () => libc.mkfifo(path, 0o600),
    (error: Error & { code: string; fields: { errno: number } }) => {
      assert.deepEqual(
        [error.name, error.code, error.message, error.fields.errno],
        ['KymoError', 'KYMO_EEXIST', `mkfifo ${path}: EEXIST`, EEXIST],
      )
      return true
    },
  )
})

test('open, read and write give a count or -errno', t => {
  const path = join(folder(t), 'fifo')
  libc.mkfifo(path, 0o600)
  assert.equal(libc.open(path, O_WRONLY | O_NONBLOCK), -ENXIO, 'nobody reads')
  const reader = libc.open(path, O_RDONLY | O_NONBLOCK)
  const writer = libc.open(path, O_WRONLY | O_NONBLOCK)
  assert(reader >= 0 && writer >= 0)
  const into = new Uint8Array(8)
  assert.equal(libc.read(reader, into), -EAGAIN)
  assert.equal(libc.write(writer, new Uint8Array([5, 6])), 2)
  assert.equal(libc.read(reader, into), 2)
  assert.deepEqual([...into], [5, 6, 0, 0, 0, 0, 0, 0])
  libc.close(writer)
  assert.equal(libc.read(reader, into), 0, 'the last writer is gone')
  libc.close(reader)
  symlinkSync(path, `${path}.link`)
  assert.equal(libc.open(`${path}.link`, O_RDWR), -ELOOP, 'no link is followed')
  assert.equal(libc.open(`${path}.none`, O_RDONLY), -ENOENT)
})

test('a descriptor of open() is closed on exec', t => {
  const path = join(folder(t), 'file')
  writeFileSync(path, '')
  const fd = libc.open(path, O_RDWR)
  t.after(() => libc.close(fd))
  const seen = execFileSync('/bin/sh', [
    '-c',
    `[ -e /proc/self/fd/${fd} ] && readlink /proc/self/fd/${fd} || echo none`,
  ])
  assert.notEqual(String(seen).trim(), path)
})

test('a lock is held until it is given back, its descriptor closed, or its process gone', async t => {
  const path = join(folder(t), 'lock')
  writeFileSync(path, '')
  const fd = openSync(path, 'r+')
  assert.equal(libc.tryLock(fd), true)
  assert.equal(canLock(path), false)
  libc.unlock(fd)
  assert.equal(canLock(path), true)
  assert.equal(libc.tryLock(fd), true)
  closeSync(fd)
  assert.equal(canLock(path), true)

  for (const end of ['exit', 'SIGKILL'] as const) {
    const body = `const fd = openSync(path, 'r+')
      writeSync(1, libc.tryLock(fd) ? 'locked' : 'not locked')
      process.stdin.resume().on('end', () => process.exit(0))`
    const holder = child(t, path, body)
    assert.equal(await holder.said, 'locked')
    assert.equal(canLock(path), false, `held before ${end}`)
    const gone = ended(holder.process)
    if (end === 'exit') holder.process.stdin?.end()
    else holder.process.kill('SIGKILL')
    await gone
    assert.equal(canLock(path), true, `free after ${end}`)
  }
})

for (const [how, isFreed] of [
  ['fs.openSync', true],
  ['libc.open', false],
] as const) {
  test(`a lock that a worker took by ${how} is ${isFreed ? 'dropped' : 'kept'} when it is terminated`, async t => {
    const path = join(folder(t), 'lock')
    writeFileSync(path, '')
    const opened =
      how === 'fs.openSync' ? `require('node:fs').openSync(path, 'r+')` : `libc.open(path, ${O_RDWR})`
    const code = `const { parentPort, workerData: { path, module } } = require('node:worker_threads')
      import(module).then(({ requireLibc }) => {
        const libc = requireLibc()
        const fd = ${opened}
        parentPort.postMessage([libc.tryLock(fd), fd])
        setInterval(() => {}, 1000)
      })`
    const worker = new Worker(code, {
      eval: true,
      workerData: { path, module: MODULE },
      trackUnmanagedFds: true,
    })
    const [locked, fd] = await new Promise<[boolean, number]>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    assert.equal(locked, true)
    assert.equal(canLock(path), false)
    await worker.terminate()
    assert.equal(canLock(path), isFreed)
    if (!isFreed) libc.close(fd)
    assert.equal(canLock(path), true)
  })
}

test('allocate says no where there is no room, and gives real storage where there is', t => {
  const path = folder(t)
  const tmpfs = join(path, 'small')
  execFileSync('mkdir', [tmpfs])
  if (!needsKernel(t, 'a tmpfs of its own (root)', mounted(tmpfs))) return
  try {
    const fd = openSync(join(tmpfs, 'file'), 'wx+')
    assert.equal(libc.allocate(fd, 1 << 20), false)
    assert.equal(libc.allocate(fd, 32768), true)
    assert.equal(statSync(join(tmpfs, 'file')).size, 32768)
    assert.equal(statSync(join(tmpfs, 'file')).blocks * 512, 32768)
    closeSync(fd)
  } finally {
    execFileSync('umount', [tmpfs])
  }
})

function mounted(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', path], { stdio: 'ignore' })
    return true
  } catch {
    return false // not root, or in a container that may not mount
  }
}

test('allocate and punchHole of no file name the call', () => {
  assert.throws(() => libc.allocate(-1, PAGE), {
    code: 'KYMO_EBADF',
    message: 'fallocate of 4096 bytes: EBADF',
  })
  assert.throws(() => libc.punchHole(-1, 0, PAGE), {
    code: 'KYMO_EBADF',
    message: 'fallocate (punch hole) of 4096 bytes: EBADF',
  })
})

test('a hole reads as zeros, in the map too; the file keeps its size and gives its pages back', t => {
  //  page     0      1      2      3
  //        ┌──────┬──────┬──────┬──────┐
  //        │ 77…  │ 00…  │ 00…  │ 77…  │   punched: pages 1 and 2
  //        └──────┴──────┴──────┴──────┘
  const path = join(folder(t), 'file')
  const fd = fileOf(path, 4 * PAGE)
  const map = new Uint8Array(libc.map(fd, 4 * PAGE, 'read-write')).fill(77)
  assert.equal(statSync(path).blocks * 512, 4 * PAGE)
  libc.punchHole(fd, PAGE, 2 * PAGE)
  assert.deepEqual([statSync(path).size, statSync(path).blocks * 512], [4 * PAGE, 2 * PAGE])
  const expected = new Uint8Array(4 * PAGE).fill(77).fill(0, PAGE, 3 * PAGE)
  assert.deepEqual(new Uint8Array(map), expected)
  assert.deepEqual(new Uint8Array(readFileSync(path)), expected)
  map[PAGE] = 1
  assert.equal(readFileSync(path)[PAGE], 1, 'a page that is written again is there again')
  closeSync(fd)
})

test('the barrier is there, and this thread has an id', t => {
  assert.equal(libc.gettid(), process.pid, 'the main thread')
  if (!needsKernel(t, 'membarrier(2)', /^Linux version [4-9]/.test(readFileSync('/proc/version', 'utf8'))))
    return
  assert.equal(libc.memoryBarrier(), true)
})

test('the library is loaded once', () => {
  const result = loadLibc()
  assert('libc' in result && result.libc === libc)
})
