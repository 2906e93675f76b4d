// Makes one file each of what a traced program loads: sixty small modules cost 25 ms of a program's start. They are
// CommonJS, which saves a program that is not made of ES modules 8 ms more; the modules that take the places of
// tsc's only pass on what the files export, so that require and import get the one copy there is.
import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Entry → what stays outside it: the automatic events use the tracer that the program has loaded. */
const BUNDLES = ['tracer/index', 'tracer/auto/index', 'tracer/auto/preload']

/** Sources of the automatic events import `../index.ts`, which is the tracer's bundle. */
const outside = {
  name: 'outside',
  setup(pluginBuild) {
    pluginBuild.onResolve({ filter: /^\.\.\/index\.ts$/ }, ({ importer }) =>
      /[\\/]tracer[\\/]auto[\\/]/.test(importer) ? { path: '../index.cjs', external: true } : undefined,
    )
  },
}

const options = {
  absWorkingDir: root,
  bundle: true,
  external: ['koffi'],
  platform: 'node',
  target: JSON.parse(readFileSync(`${root}/tsconfig.base.json`, 'utf8')).compilerOptions.target,
  plugins: [outside],
  logLevel: 'warning',
}

/** The names that a module exports. */
const exportsOf = async entry => {
  const { metafile } = await build({
    ...options,
    entryPoints: [entry],
    format: 'esm',
    write: false,
    metafile: true,
  })
  return Object.values(metafile.outputs).flatMap(output => output.exports)
}

const facade = (file, names) => {
  const load = `createRequire(import.meta.url)('./${file}')`
  const pass = names.length === 0 ? load : `export const { ${names.join(', ')} } = ${load}`
  return `import { createRequire } from 'node:module'\n${pass}\n`
}

for (const entry of BUNDLES) {
  await build({
    ...options,
    entryPoints: [`src/${entry}.ts`],
    outfile: `dist/${entry}.cjs`,
    format: 'cjs',
    define: { 'import.meta.url': 'moduleUrl' },
    banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
  })
  const names = await exportsOf(`src/${entry}.ts`)
  writeFileSync(`${root}/dist/${entry}.js`, facade(`${basename(entry)}.cjs`, names))
}
