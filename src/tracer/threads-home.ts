/**
 * A process without native memory: its rings lie in SharedArrayBuffers and a worker of its own consumes them.
 * What was recorded dies with a SIGKILL, and a session reaches it only while its event loop turns.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  BroadcastChannel,
  getEnvironmentData,
  isMainThread,
  type MessagePort,
  receiveMessageOnPort,
  setEnvironmentData,
  threadId,
  Worker,
} from 'node:worker_threads'
import type { Channel } from '../control/index.ts'
import {
  type AppAbout,
  CONSUMER_DONE_WORD,
  CONTROL_BYTES,
  ControlWords,
  EXIT_WORD,
  openRunDirectory,
  type RunDirectory,
  readAbout,
} from '../control/index.ts'
import { createThreadsRing } from '../ring/index.ts'
import { aboutThisProcess, type Home, homeless, newAppId } from './home.ts'
import { CLASS_CAPACITY, newIdentity, type RingLender } from './ring-lender.ts'

const ENVIRONMENT_KEY = 'kymograph.threads'
const RINGS_CHANNEL = 'kymograph.rings'
/** How long a program that ends waits for its consumer to write what is left. */
const EXIT_WAIT_MS = 2000

interface Shared {
  readonly control: SharedArrayBuffer
  readonly id: string
}

export function openThreadsHome(reason: string, isWanted: boolean): Home {
  const shared = getEnvironmentData(ENVIRONMENT_KEY) as unknown as Shared | undefined
  const run = openRunDirectory()
  if (shared !== undefined) return homeOf(run, shared, new ThreadsRings(shared, undefined))
  if (!isMainThread) return homeless(`${reason}; and the main thread has not loaded kymograph`)
  if (mayNotHaveWorkers())
    return homeless(`${reason}; and a thread to record without it needs --allow-worker`)
  const own = register(run, reason)
  setEnvironmentData(ENVIRONMENT_KEY, own as never)
  const consumer = new ConsumerWorker(run, own)
  if (isWanted || readdirSync(run.sessionsPath).length > 0) consumer.start()
  consumer.watch()
  return homeOf(run, own, new ThreadsRings(own, consumer))
}

/** Node's permission model: absent, or asked before it throws. */
function mayNotHaveWorkers(): boolean {
  const { permission } = process as { permission?: { has(scope: string): boolean } }
  return permission?.has('worker') === false
}

function homeOf(run: RunDirectory, { control, id }: Shared, rings: RingLender): Home {
  const directory = join(run.appsPath, id)
  const about = readAbout(directory) as AppAbout
  return { control: new ControlWords(control), app: { run, id, directory, about }, rings }
}

function register(run: RunDirectory, reason: string): Shared {
  const id = newAppId()
  const directory = join(run.appsPath, id)
  mkdirSync(directory, { mode: 0o700 })
  writeFileSync(join(directory, 'events'), '', { mode: 0o600 })
  writeFileSync(join(directory, 'about.json'), JSON.stringify({ ...aboutThisProcess(), fallback: reason }), {
    mode: 0o600,
  })
  const control = new SharedArrayBuffer(CONTROL_BYTES)
  new ControlWords(control).format()
  return { control, id }
}

/** The worker that writes this process's traces, started when the first session is seen. */
class ConsumerWorker {
  readonly #run: RunDirectory
  readonly #shared: Shared
  readonly #words: ControlWords
  /** Passes on what threads offered before the consumer was there to hear it, and ended. */
  readonly #offered = new BroadcastChannel(RINGS_CHANNEL)
  #worker: Worker | undefined

  constructor(run: RunDirectory, shared: Shared) {
    this.#run = run
    this.#shared = shared
    this.#words = new ControlWords(shared.control)
    this.#offered.onmessage = (message: unknown) => this.#passOn((message as { data: unknown }).data)
    this.#offered.unref()
    process.on('exit', () => this.#finish())
  }

  watch(): void {
    const watcher = watch(this.#run.sessionsPath, { persistent: false }, () => {
      try {
        this.start()
      } catch {
        watcher.close() // no thread to be had: nothing is recorded, and the program goes on
      }
      this.#words.bump('rules')
    })
    watcher.on('error', () => watcher.close())
  }

  start(): void {
    if (this.#worker !== undefined) return
    this.#worker = new Worker(new URL('../consumer/in-process.js', import.meta.url), {
      workerData: { runPath: this.#run.path, appId: this.#shared.id, control: this.#shared.control },
      env: { ...process.env, NODE_OPTIONS: '' },
      execArgv: [],
      name: 'kymograph-consumer',
    })
    this.#worker.on('error', () => undefined)
    this.#worker.unref()
  }

  hand(ring: object): void {
    this.start()
    this.#worker?.postMessage(ring)
  }

  #passOn(offer: unknown): void {
    if (typeof offer === 'object' && offer !== null) this.#worker?.postMessage(offer)
  }

  #finish(): void {
    const { words } = this.#words
    if (this.#worker !== undefined) {
      const port = this.#offered as unknown as MessagePort // it takes both kinds
      for (let offer = receiveMessageOnPort(port); offer; offer = receiveMessageOnPort(port)) {
        this.#passOn(offer.message)
      }
      Atomics.store(words, EXIT_WORD, 1)
      Atomics.wait(words, CONSUMER_DONE_WORD, 0, EXIT_WAIT_MS)
    }
    try {
      const { id } = this.#shared
      const sessions = readdirSync(this.#run.sessionsPath)
      const isRecorded = sessions.some(name => existsSync(join(this.#run.sessionsPath, name, id)))
      if (!isRecorded) rmSync(join(this.#run.appsPath, id), { recursive: true, force: true })
    } catch {
      // the next program that registers sweeps it
    }
  }
}

class ThreadsRings implements RingLender {
  readonly tid = process.pid + threadId
  readonly #shared: Shared
  readonly #consumer: ConsumerWorker | undefined
  readonly #broadcast: BroadcastChannel | undefined
  readonly #lent: { readonly buffer: SharedArrayBuffer }[] = []

  /** The main thread hands its rings over itself; other threads call for the consumer. */
  constructor(shared: Shared, consumer: ConsumerWorker | undefined) {
    this.#shared = shared
    this.#consumer = consumer
    if (consumer !== undefined) return
    this.#broadcast = new BroadcastChannel(RINGS_CHANNEL)
    this.#broadcast.unref()
    this.#broadcast.onmessage = (message: unknown) => {
      const { data } = message as { data: unknown }
      if (data === 'consumer is up') for (const ring of this.#lent) this.#broadcast?.postMessage(ring)
    }
  }

  lend(directory: string, channel: Channel): SharedArrayBuffer {
    const number = new ControlWords(this.#shared.control).nextRingNumber()
    const { subBufferBytes, subBufferCount } = channel
    const buffer = createThreadsRing(
      { subBufferBytes, subBufferCount, classCapacity: CLASS_CAPACITY },
      newIdentity(number),
    )
    const ring = { directory, number, buffer }
    this.#lent.push(ring)
    if (this.#consumer !== undefined) this.#consumer.hand(ring)
    else this.#broadcast?.postMessage(ring)
    return buffer
  }

  /** The consumer has it as long as it needs it. */
  giveBack(buffer: ArrayBufferLike): void {
    const index = this.#lent.findIndex(ring => ring.buffer === buffer)
    if (index >= 0) this.#lent.splice(index, 1)
  }

  /** The consumer looks by itself. */
  wake(): void {}

  /** Of this process alone: there is no memory to share with others. */
  sharedClock(): BigInt64Array {
    return new BigInt64Array(this.#shared.control, CONTROL_BYTES - 8, 1)
  }
}
