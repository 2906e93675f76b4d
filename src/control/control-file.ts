/**
 * `control`: the words of a program that others write and its sites read.
 *
 *   byte  0  magic "KYMC", layout version
 *         8  generation: every site compares it with what its thread has seen
 *        12  rules generation: raised, before the generation, when a session's rules changed
 *        64  losses for which there is no ring
 *        72  calls of a program's own probes that threw
 *        80  calls of a program's own probes that were cut because they went on hitting sites
 */
import { closeSync, constants, fstatSync, linkSync, openSync, unlinkSync } from 'node:fs'
import { KymoError } from '../base/index.ts'
import { requireLibc } from '../native/index.ts'
import { CONTROL_VERSION } from './session.ts'

export const CONTROL_BYTES = 4096
const MAGIC = 0x4b594d43
const MAGIC_WORD = 0
const VERSION_WORD = 1
export const GENERATION_WORD = 2
export const RULES_GENERATION_WORD = 3
const NO_RING_WORD = 16
const PROBE_ERRORS_WORD = 18
const NESTED_PROBES_WORD = 20
const NEXT_RING_WORD = 22
/** Set by a program without mapped memory when it ends … */
export const EXIT_WORD = 32
/** … and by its consumer when everything is written. */
export const CONSUMER_DONE_WORD = 33

/** The words of one program, whether they lie in a mapped file or in a SharedArrayBuffer. */
export class ControlWords {
  readonly words: Int32Array

  constructor(buffer: ArrayBufferLike) {
    this.words = new Int32Array(buffer, 0, CONTROL_BYTES / 4)
  }

  format(): void {
    this.words[VERSION_WORD] = CONTROL_VERSION
    this.words[MAGIC_WORD] = MAGIC
  }

  /** `wake`: the next hit of each thread looks at its rings' wait words; `rules`: it reads the sessions anew too. */
  bump(kind: 'wake' | 'rules'): void {
    if (kind === 'rules') Atomics.add(this.words, RULES_GENERATION_WORD, 1)
    Atomics.add(this.words, GENERATION_WORD, 1)
  }

  /** Records that were lost because a ring could not be made. */
  get noRing(): number {
    return Atomics.load(this.words, NO_RING_WORD) >>> 0
  }

  countNoRing(): void {
    Atomics.add(this.words, NO_RING_WORD, 1)
  }

  /** Probes of the program's own that threw. */
  get probeErrors(): number {
    return Atomics.load(this.words, PROBE_ERRORS_WORD) >>> 0
  }

  countProbeError(): void {
    Atomics.add(this.words, PROBE_ERRORS_WORD, 1)
  }

  /** Numbers of rings that are no files. */
  nextRingNumber(): number {
    return Atomics.add(this.words, NEXT_RING_WORD, 1)
  }

  /** Probes that were not called because probes had already hit each other's sites too deeply. */
  get nestedProbes(): number {
    return Atomics.load(this.words, NESTED_PROBES_WORD) >>> 0
  }

  countNestedProbe(): void {
    Atomics.add(this.words, NESTED_PROBES_WORD, 1)
  }
}

/** Makes a preallocated, mapped file, formatted before it gets its name. EEXIST when another thread was first. */
export function createMappedFile(
  path: string,
  length: number,
  format: (buffer: ArrayBuffer) => void,
): ArrayBuffer {
  const libc = requireLibc()
  const temporary = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`
  const fd = openSync(temporary, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    if (!libc.allocate(fd, length)) {
      throw new KymoError('KYMO_ENOSPC', `${path} needs ${length} bytes: the file system is full`, {
        path,
        length,
      })
    }
    const buffer = libc.map(fd, length, 'read-write')
    format(buffer)
    linkSync(temporary, path)
    return buffer
  } finally {
    closeSync(fd)
    unlinkSync(temporary)
  }
}

/** Maps a file that another process made, if it is as long as it should be. */
export function openMappedFile(path: string, length: number): ArrayBuffer {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW)
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size < length) {
      throw new KymoError('KYMO_CONTROL', `${path} needs ${length} bytes: it has ${stat.size}`, {
        path,
        size: stat.size,
      })
    }
    return requireLibc().map(fd, length, 'read-write')
  } finally {
    closeSync(fd)
  }
}

export function openControlFile(path: string): ControlWords {
  const control = new ControlWords(openMappedFile(path, CONTROL_BYTES))
  if (control.words[MAGIC_WORD] !== MAGIC) {
    throw new KymoError(
      'KYMO_CONTROL',
      `${path} is no control file: it begins with ${control.words[MAGIC_WORD]}`,
    )
  }
  const version = control.words[VERSION_WORD] as number
  if (version !== CONTROL_VERSION) {
    throw new KymoError('KYMO_LAYOUT', `shared layout ${CONTROL_VERSION} is needed: ${path} has ${version}`, {
      version,
    })
  }
  return control
}
