import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

function biome(...args) {
  const script = 'node_modules/@biomejs/biome/bin/biome'
  return spawnSync(process.execPath, [script, ...args], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 })
}

test('biome finds nothing to format and nothing to say', t => {
  if (biome('--version').status !== 0) return t.skip('needs biome, whose binary does not run here')
  const { status, stdout, stderr } = biome('check', '--colors=off', '--diagnostic-level=warn', '.')
  assert.equal(status, 0, `${stderr}${stdout}`)
})
