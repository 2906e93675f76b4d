export { eventBlock, streamBlock, tracePreamble } from './metadata/tsdl/index.ts'
export * from './model/index.ts'
