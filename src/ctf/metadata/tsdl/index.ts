export { eventBlock, streamBlock, tracePreamble } from './blocks.ts'
