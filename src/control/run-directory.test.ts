import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { needsKernel } from '../testing/index.ts'
import { openRunDirectory, runDirectory } from './index.ts'

const UID = process.geteuid?.() ?? 0
const NOBODY = 65534

function folder(t: TestContext): string {
  const path = mkdtempSync('/dev/shm/kymo-control-')
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function assertRefused(path: string, wrong: string, what: string): void {
  assert.throws(() => openRunDirectory(path), {
    name: 'KymoError',
    code: 'KYMO_RUNDIR',
    message:
      `${wrong} must be a directory of user ${UID} with mode 700: it is ${what}; ` +
      'set KYMO_RUNDIR to another one',
  })
}

test('the run directory is that of the environment, or one by user on the tmpfs', () => {
  const before = process.env.KYMO_RUNDIR
  try {
    process.env.KYMO_RUNDIR = '/somewhere'
    assert.equal(runDirectory(), '/somewhere')
    for (const unset of ['', undefined]) {
      if (unset === undefined) delete process.env.KYMO_RUNDIR
      else process.env.KYMO_RUNDIR = unset
      assert.equal(runDirectory(), `/dev/shm/kymograph-${UID}`)
    }
  } finally {
    if (before === undefined) delete process.env.KYMO_RUNDIR
    else process.env.KYMO_RUNDIR = before
  }
})

test('it is made private whatever the umask, and opened again', t => {
  const path = join(folder(t), 'run')
  const umask = process.umask(0o777)
  try {
    openRunDirectory(path)
  } finally {
    process.umask(umask)
  }
  const run = openRunDirectory(path)
  assert.deepEqual(run, { path, sessionsPath: join(path, 'sessions'), appsPath: join(path, 'apps') })
  for (const made of Object.values(run)) assert.equal(statSync(made).mode & 0o7777, 0o700)
})

test('a directory that others may enter is refused, the ones in it too', t => {
  const path = join(folder(t), 'run')
  openRunDirectory(path)
  for (const inner of [path, join(path, 'sessions'), join(path, 'apps')]) {
    for (const mode of [0o750, 0o701, 0o777]) {
      chmodSync(inner, mode)
      assertRefused(path, inner, `mode ${mode.toString(8)}, owner ${UID}`)
    }
    chmodSync(inner, 0o700)
  }
})

test('a directory of another user is refused', t => {
  const path = join(folder(t), 'run')
  mkdirSync(path, { mode: 0o700 })
  if (!needsKernel(t, 'chown (root)', UID === 0)) return
  chownSync(path, NOBODY, NOBODY)
  assertRefused(path, path, `mode 700, owner ${NOBODY}`)
})

test('a link is not followed, and a file is no directory', t => {
  const path = join(folder(t), 'run')
  mkdirSync(`${path}.real`, { mode: 0o700 })
  symlinkSync(`${path}.real`, path)
  assertRefused(path, path, 'no directory')
  rmSync(path)
  writeFileSync(path, '')
  assertRefused(path, path, 'no directory')
  rmSync(path)
  symlinkSync(`${path}.none`, path)
  assertRefused(path, path, 'no directory')
})

test('a place where nothing can be made is named with the way out', t => {
  const path = join(folder(t), 'none', 'run')
  assert.throws(() => openRunDirectory(path), {
    code: 'KYMO_RUNDIR',
    message: `cannot make ${path}: ENOENT; set KYMO_RUNDIR to a directory on a tmpfs that you may write`,
  })
})
