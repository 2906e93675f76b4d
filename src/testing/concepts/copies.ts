/** Programs outside this project, with a kymograph of their own: whole, or with something missing. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Sandbox } from './sandbox.ts'

export const ROOT = join(import.meta.dirname, '../../..')

export interface CopyOptions {
  readonly withoutKoffi?: boolean
  /** The layout version of shared memory that this copy believes in. */
  readonly layout?: number
}

/** A folder of a program, with a copy of this package in its node_modules. */
export function programFolder(box: Sandbox, name: string, options: CopyOptions = {}): string {
  const folder = join(box.path, name)
  const copy = join(folder, 'node_modules/kymograph')
  mkdirSync(copy, { recursive: true })
  cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'))
  const dist = join(ROOT, 'dist')
  cpSync(dist, join(copy, 'dist'), {
    recursive: true,
    filter: path => dirname(path) !== dist || !/^testing$|^\./.test(basename(path)),
  })
  if (options.withoutKoffi !== true)
    symlinkSync(join(ROOT, 'node_modules/koffi'), join(folder, 'node_modules/koffi'))
  if (options.layout !== undefined) {
    for (const file of ['control/session.js', 'tracer/index.cjs', 'tracer/auto/index.cjs']) {
      const path = join(copy, 'dist', file)
      const text = readFileSync(path, 'utf8')
      writeFileSync(path, text.replace(/CONTROL_VERSION = \d+/, `CONTROL_VERSION = ${options.layout}`))
    }
  }
  return folder
}

/** A program that hits `shop:order` a number of times and says so. */
export function shop(folder: string, hits: number, end = ''): string {
  const path = join(folder, 'shop.mjs')
  writeFileSync(
    path,
    `import { i32, tracepoint } from 'kymograph'
     const order = tracepoint('shop:order', i32('n'))
     for (let n = 0; n < ${hits}; n++) order(n)
     process.stdout.write('shop is done\\n')
     ${end}`,
  )
  return path
}
