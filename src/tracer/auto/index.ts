/**
 * `import 'kymograph/auto'`, or `kymo record`: what Node tells of itself, as events of a program that knows nothing
 * of tracing. One copy in each thread; all that is heard is heard for the life of the thread. Nothing here keeps a
 * process alive, wakes an idle one, or throws into it.
 */
import './process.ts'
import './http-server.ts'
import './http-client.ts'
import './undici.ts'
import './child-process.ts'
import './worker-threads.ts'
import './console.ts'
import './gc.ts'
import './event-loop.ts'
