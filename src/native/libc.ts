/**
 * libc through koffi. Every call is synchronous (see the decision on native access): a failed call throws
 * a KymoError with `errno` and the path, but for those that say otherwise.
 */
import { createRequire } from 'node:module'
import { errorText, KymoError } from '../base/index.ts'

type Koffi = typeof import('koffi')

/** The one in package.json. */
const KOFFI_VERSION = '3.3.4'

export const O_RDONLY = 0
export const O_WRONLY = 1
export const O_RDWR = 2
export const O_CREAT = 0o100
export const O_EXCL = 0o200
export const O_APPEND = 0o2000
export const O_NONBLOCK = 0o4000
export const O_NOFOLLOW = 0o400000
export const O_CLOEXEC = 0o2000000

export const EINTR = 4
export const ENXIO = 6
export const EAGAIN = 11
export const EEXIST = 17
export const ENOSPC = 28
export const EPIPE = 32

const FALLOC_FL_KEEP_SIZE = 1
const FALLOC_FL_PUNCH_HOLE = 2
const LOCK_EX = 2
const LOCK_NB = 4
const LOCK_UN = 8
const PROT_READ_WRITE = 3
const PROT_READ = 1
const MAP_SHARED = 1
const MAP_PRIVATE = 2
const MAP_FIXED = 0x10
const MAP_ANONYMOUS = 0x20
const MAP_NORESERVE = 0x4000
const MAP_FAILED = 0xffffffffffffffffn
const MEMBARRIER_CMD_QUERY = 0
const MEMBARRIER_CMD_GLOBAL = 1
/** The number of membarrier(2) by processor, for syscall(2): libc has no wrapper for it. */
const SYS_MEMBARRIER: Readonly<Record<string, number>> = { x64: 324, arm64: 283, riscv64: 283, loong64: 283 }

export interface Libc {
  /** Opens without following a link in the last component and closes on exec; a descriptor or -errno. */
  open(path: string, flags: number, mode?: number): number
  close(fd: number): void
  /** Bytes read, 0 at the end, or -errno. */
  read(fd: number, into: Uint8Array): number
  /** Bytes written or -errno. */
  write(fd: number, bytes: Uint8Array): number
  /**
   * Maps `length` bytes shared, where unmap() left a place of that length. V8 holds on to a view's addresses for ever:
   * so they are never given back to the system, but used again.
   */
  map(fd: number, length: number, access: 'read' | 'read-write'): ArrayBuffer
  /** Maps whole files, each of a multiple of the page size, one behind the other as one piece of memory. */
  mapParts(parts: readonly { fd: number; length: number }[]): ArrayBuffer
  /** Lets go of a file that map() mapped: from now on `buffer` is memory of nobody, and some day of another file. */
  unmap(buffer: ArrayBufferLike): void
  mkfifo(path: string, mode: number): void
  /** Gives the file `length` bytes of real storage; false when there is no room for them. */
  allocate(fd: number, length: number): boolean
  /** Frees the storage of [offset, offset + length): reads as zeros, the file keeps its size. */
  punchHole(fd: number, offset: number, length: number): void
  /** Takes the exclusive lock, or says at once that another holds it. */
  tryLock(fd: number): boolean
  unlock(fd: number): void
  /** Every thread of every process passes a full memory barrier before this returns; false where missing. */
  memoryBarrier(): boolean
  gettid(): number
}

let loaded: { libc: Libc } | { reason: string } | undefined

/** The C library of this thread, or why there is none (no koffi for this system, permissions, Electron …). */
export function loadLibc(): { libc: Libc } | { reason: string } {
  loaded ??= tryLoad()
  return loaded
}

/** As loadLibc(), for those who cannot go on without. */
export function requireLibc(): Libc {
  const result = loadLibc()
  if ('libc' in result) return result.libc
  throw new KymoError('KYMO_NO_NATIVE', `kymograph needs koffi to reach shared memory: ${result.reason}`)
}

function tryLoad(): { libc: Libc } | { reason: string } {
  if (process.platform !== 'linux') return { reason: `shared rings need Linux: this is ${process.platform}` }
  try {
    return { libc: bind(loadKoffi(createRequire(import.meta.url))) }
  } catch (error) {
    return { reason: errorText(error).split('\n')[0] as string }
  }
}

/**
 * koffi looks for its addon through three modules and reads Node's own executable, which takes 7 of its 9 ms: at the
 * start of every traced program. So the addon is asked for where koffi's packages have it for glibc, and koffi's own
 * way is taken where that is another (musl, pnpm, another processor), which costs no more than before.
 */
function loadKoffi(require: NodeJS.Require): Koffi {
  const { platform, arch } = process
  try {
    const addon: Koffi = require(`@koromix/koffi-${platform}-${arch}/${platform}_${arch}/koffi.node`)
    if (addon.version === KOFFI_VERSION) return addon
  } catch {
    // koffi itself says what is missing
  }
  return require('koffi')
}

/**
 * V8 ends a worker that was told to terminate when it enters a function. Better here than in koffi.view(), which
 * ends the whole process when it cannot make its view: that leaves the microseconds inside the call itself.
 */
function endIfTerminated(): void {}

function bind(koffi: Koffi): Libc {
  const lib = koffi.load(null)
  const c = {
    open: lib.func('int open(const char *path, int flags, uint32_t mode)'),
    close: lib.func('int close(int fd)'),
    read: lib.func('int64_t read(int fd, _Out_ uint8_t *buf, size_t count)'),
    write: lib.func('int64_t write(int fd, const uint8_t *buf, size_t count)'),
    mmap: lib.func('void *mmap(void *addr, size_t len, int prot, int flags, int fd, int64_t off)'),
    mmapOver: lib.func('mmap', 'void *', ['uintptr_t', 'size_t', 'int', 'int', 'int', 'int64_t']),
    mkfifo: lib.func('int mkfifo(const char *path, uint32_t mode)'),
    fallocate: lib.func('int fallocate(int fd, int mode, int64_t off, int64_t len)'),
    flock: lib.func('int flock(int fd, int op)'),
    syscall: lib.func('long syscall(long number, long a, long b, long c)'),
    gettid: lib.func('int gettid()'),
  }
  const fail = (call: string, what: string): never => {
    const errno = koffi.errno()
    const name = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`
    throw new KymoError(`KYMO_${name}`, `${call} ${what}: ${name}`, { errno, what })
  }
  /** Where buffers lie, and those that nobody uses, by length. */
  const places = new WeakMap<ArrayBufferLike, bigint>()
  const free = new Map<number, ArrayBuffer[]>()
  const view = (address: unknown, length: number): ArrayBuffer => {
    if (koffi.address(address) === MAP_FAILED) fail('mmap', `of ${length} bytes`)
    endIfTerminated()
    const buffer = koffi.view(address, length)
    places.set(buffer, koffi.address(address))
    return buffer
  }
  /** Memory of nobody, to be mapped over. */
  const reserveAddresses = (length: number): ArrayBuffer => {
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    return view(c.mmap(null, length, PROT_READ_WRITE, flags, -1, 0), length)
  }
  const membarrier = SYS_MEMBARRIER[process.arch]
  const hasBarrier =
    membarrier !== undefined &&
    (c.syscall(membarrier, MEMBARRIER_CMD_QUERY, 0, 0) & MEMBARRIER_CMD_GLOBAL) !== 0

  return {
    open(path, flags, mode = 0o600) {
      const fd = c.open(path, flags | O_CLOEXEC | O_NOFOLLOW, mode)
      return fd < 0 ? -koffi.errno() : fd
    },
    close(fd) {
      c.close(fd)
    },
    read(fd, into) {
      const count = Number(c.read(fd, into, into.byteLength))
      return count < 0 ? -koffi.errno() : count
    },
    write(fd, bytes) {
      const count = Number(c.write(fd, bytes, bytes.byteLength))
      return count < 0 ? -koffi.errno() : count
    },
    map(fd, length, access) {
      const protection = access === 'read' ? PROT_READ : PROT_READ_WRITE
      const place = free.get(length)?.pop()
      if (place !== undefined) {
        const mapped = c.mmapOver(places.get(place), length, protection, MAP_SHARED | MAP_FIXED, fd, 0)
        if (koffi.address(mapped) !== MAP_FAILED) return place
        fail('mmap', `of ${length} bytes`)
      }
      return view(c.mmap(null, length, protection, MAP_SHARED, fd, 0), length)
    },
    mapParts(parts) {
      const whole = parts.reduce((sum, { length }) => sum + length, 0)
      const buffer = free.get(whole)?.pop() ?? reserveAddresses(whole)
      let at = places.get(buffer) as bigint
      for (const { fd, length } of parts) {
        const mapped = c.mmapOver(at, length, PROT_READ_WRITE, MAP_SHARED | MAP_FIXED, fd, 0)
        if (koffi.address(mapped) === MAP_FAILED) fail('mmap', `of ${length} bytes`)
        at += BigInt(length)
      }
      return buffer
    },
    unmap(buffer) {
      const address = places.get(buffer)
      if (address === undefined) return
      const length = buffer.byteLength
      // Not without access: a late store must find memory.
      const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED
      const mapped = c.mmapOver(address, length, PROT_READ_WRITE, flags, -1, 0)
      if (koffi.address(mapped) === MAP_FAILED) return
      const sameLength = free.get(length)
      if (sameLength === undefined) free.set(length, [buffer as ArrayBuffer])
      else sameLength.push(buffer as ArrayBuffer)
    },
    mkfifo(path, mode) {
      if (c.mkfifo(path, mode) !== 0) fail('mkfifo', path)
    },
    allocate(fd, length) {
      if (c.fallocate(fd, 0, 0, length) === 0) return true
      if (koffi.errno() === ENOSPC) return false
      return fail('fallocate', `of ${length} bytes`)
    },
    punchHole(fd, offset, length) {
      if (c.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) !== 0) {
        fail('fallocate', `(punch hole) of ${length} bytes`)
      }
    },
    tryLock(fd) {
      return c.flock(fd, LOCK_EX | LOCK_NB) === 0
    },
    unlock(fd) {
      c.flock(fd, LOCK_UN)
    },
    memoryBarrier() {
      return hasBarrier && Number(c.syscall(membarrier as number, MEMBARRIER_CMD_GLOBAL, 0, 0)) === 0
    },
    gettid() {
      return c.gettid()
    },
  }
}
