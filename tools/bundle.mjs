// Makes one file each of what a traced program loads: sixty small modules cost 25 ms of a program's start.
// The files take the places of tsc's, so that whoever imports dist/tracer/index.js gets the one copy there is.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Entry → what stays outside it: the automatic events use the tracer that the program has loaded. */
const BUNDLES = [
  { entry: 'tracer/index', external: ['koffi'] },
  { entry: 'tracer/auto/index', external: ['koffi', '../index.js'] },
]

/** Sources import `../index.ts`; what is left outside a bundle has to be found as `../index.js`. */
const outside = {
  name: 'outside',
  setup(pluginBuild) {
    pluginBuild.onResolve({ filter: /^\.\.\/index\.ts$/ }, ({ importer }) =>
      /[\\/]tracer[\\/]auto[\\/]/.test(importer) ? { path: '../index.js', external: true } : undefined,
    )
  },
}

for (const { entry, external } of BUNDLES) {
  await build({
    absWorkingDir: root,
    entryPoints: [`src/${entry}.ts`],
    outfile: `dist/${entry}.js`,
    allowOverwrite: true,
    bundle: true,
    external,
    platform: 'node',
    format: 'esm',
    target: JSON.parse(readFileSync(`${root}/tsconfig.base.json`, 'utf8')).compilerOptions.target,
    plugins: entry.includes('auto') ? [outside] : [],
    logLevel: 'warning',
  })
}
