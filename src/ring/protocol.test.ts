import { protocolContract } from './protocol.contract.ts'

for (const commitStore of ['plain', 'atomic'] as const) {
  for (const by of ['methods', 'text'] as const) protocolContract({ commitStore, by })
}
