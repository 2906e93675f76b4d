/**
 * What a test needs beyond Node. A test that cannot run here is skipped by name, never passed in silence; in
 * CI, where `.ci/run` installs the tools, a missing tool is a failure.
 */
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const PROJECT_ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Whether `tool` is on the PATH; where not, the test is skipped, or fails in CI. */
export function needs(t: TestContext, tool: string): boolean {
  if (isOnPath(tool)) return true
  const reason = `needs ${tool}, which is not installed`
  if (isCI()) throw new Error(reason)
  t.skip(reason)
  return false
}

/** The path of something in the shared folder beside the project; where absent, the test is skipped, in CI too. */
export function sharedData(t: TestContext, relativePath: string): string | undefined {
  const found = join(process.env.KYMO_SHARED ?? join(PROJECT_ROOT, '../shared'), relativePath)
  if (existsSync(found)) return found
  t.skip(`needs shared data ${relativePath}, which is not there`)
  return undefined
}

/** For what only another kernel (or more rights) could give: skipped where `ok` is false, in CI too. */
export function needsKernel(t: TestContext, feature: string, ok: boolean): boolean {
  if (!ok) t.skip(`needs ${feature}, which this kernel does not give us`)
  return ok
}

/** Whether tests should run in their long form, for minutes: `KYMO_LONG=1`. */
export function longForm(): boolean {
  return process.env.KYMO_LONG === '1'
}

/** Whether tests with slow foreign tools may shorten themselves: the same tests run in full under another Node. */
export function shortForm(): boolean {
  return process.env.KYMO_MATRIX === '1'
}

function isCI(): boolean {
  return !['', '0', 'false', undefined].includes(process.env.CI)
}

function isOnPath(tool: string): boolean {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .some(folder => folder !== '' && isExecutable(join(folder, tool)))
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false // absent, or not ours to run
  }
}
