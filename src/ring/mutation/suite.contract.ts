/**
 * The part of the ring's contract that needs no other process, for one ring: that of the folder in which this file
 * lies. Run as a program it ends at the first failure, with 1: nobody wants to know more of a mutant. The argument is
 * how records are written first, so that a mutant of the text is not looked for in the methods.
 */
import { afterEach, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { protocolContract } from '../protocol.contract.ts'
import { ringContract } from '../ring.contract.ts'
import { takeoverContract } from '../takeover.contract.ts'
import type { By } from '../testing/record.contract.ts'

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  afterEach(t => {
    const { passed } = t as TestContext & { readonly passed?: boolean }
    if (passed === false) process.exit(1)
  })
  const bys: readonly By[] = process.argv[2] === 'text' ? ['text', 'methods'] : ['methods', 'text']
  for (const by of bys) {
    for (const commitStore of ['plain', 'atomic'] as const) {
      ringContract({ memory: 'threads', commitStore, by })
      takeoverContract({ memory: 'threads', commitStore, by })
      protocolContract({ commitStore, by })
    }
  }
}
