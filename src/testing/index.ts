export { longForm, needs, needsKernel, sharedData, shortForm } from './needs.ts'
