/**
 * Terminates threads that trace at full speed: `terminate.js THREADS [early]`, four at a time, each fourth
 * allowed to end by itself; `early`: in the very first hit, where rings are made and lent. Says on stdout
 * what each thread produced, and how many rings there were at most.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { i32, sequence, str, tracepoint, u8, u32 } from '../../tracer/index.ts'
import { ringFiles } from './ring-header.ts'
import { TEXTS, textIndex } from './texts.ts'

const AT_ONCE = 4
const MAX_DELAY_MS = 120
const WORDS_PER_THREAD = 8

export interface Terminated {
  /** By thread: the number of the last hit that began. */
  readonly produced: readonly number[]
  readonly maxRings: number
}

interface ThreadData {
  readonly number: number
  readonly words: Float64Array
}

/** Sizes of payloads from a few bytes to some that are copied by a call. */
const LISTS = Array.from({ length: 32 }, (_, i) => Array.from({ length: i * 8 }, () => i))

function trace({ number, words }: ThreadData): void {
  const plain = tracepoint('kill:plain', u32('thread'), u32('n'))
  const text = tracepoint('kill:text', u32('thread'), i32('n'), str('text'))
  const list = tracepoint('kill:list', u32('thread'), u32('n'), sequence('list', u8))
  const own = number * WORDS_PER_THREAD
  for (let n = 1; words[own + 1] === 0; n++) {
    words[own] = n
    if (n % 3 === 0) plain(number, n)
    else if (n % 3 === 1) text(number, n, TEXTS[textIndex(n)] as string)
    else list(number, n, LISTS[n % LISTS.length] as number[])
  }
}

async function main(threads: number): Promise<void> {
  const words = new Float64Array(new SharedArrayBuffer(threads * WORDS_PER_THREAD * 8))
  let [next, maxRings] = [0, 0]
  const oneAfterTheOther = async (): Promise<void> => {
    while (next < threads) {
      const number = next++
      await lifeOfThread({ number, words })
      maxRings = Math.max(maxRings, countRings())
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, oneAfterTheOther))
  const produced = Array.from({ length: threads }, (_, i) => words[i * WORDS_PER_THREAD] as number)
  process.stdout.write(JSON.stringify({ produced, maxRings } satisfies Terminated))
}

/** Terminated at a random moment after its first hit began: how Node starts a thread is Node's affair. */
async function lifeOfThread(data: ThreadData): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: data })
  const end = once(worker, 'exit')
  worker.on('error', error => assert.fail(error))
  const own = data.number * WORDS_PER_THREAD
  const isEarly = process.argv[3] === 'early'
  while ((data.words[own] as number) < (isEarly ? 1 : 2)) await (isEarly ? turn() : delay(1))
  if (!isEarly) await delay(MAX_DELAY_MS * Math.random())
  if (!isEarly && data.number % 4 === 3) data.words[own + 1] = 1
  else await worker.terminate()
  await end
}

function countRings(): number {
  const sessions = join(process.env.KYMO_RUNDIR as string, 'sessions')
  const session = readdirSync(sessions)[0] ?? assert.fail('there is a session')
  const app = readdirSync(join(sessions, session)).find(name => name.startsWith(`${process.pid}-`))
  try {
    return ringFiles(join(sessions, session, app ?? '', 'channel0')).length
  } catch {
    return 0 // no thread has recorded yet
  }
}

if (isMainThread) await main(Number(process.argv[2]))
else trace(workerData as ThreadData)
