/**
 * One thread writes, nobody else: reservation is plain arithmetic. The order of the stores is the
 * protocol; docs/ring-buffer.md says what each of them promises to the reader.
 */
import {
  BEGUN_WORD,
  COMMITTED_WORD,
  classCountersDouble,
  dataOffset,
  HEADER_BEGIN_TIME,
  HEADER_DOUBLES,
  HEADER_END,
  HEADER_END_LOST,
  HEADER_END_TIME,
  HEADER_FIRST_RECORD,
  HEADER_SEQUENCE,
  HEADER_WORDS,
  HEADERS_DOUBLE,
  HEADERS_WORD,
  LOSS_BASE_DOUBLE,
  LOSS_CAUSES,
  LOSS_FULL,
  LOSS_NESTED,
  LOSS_TOO_BIG,
  OWNER_WORD,
  OWNERS_WORD,
  readGeometry,
  SLOT_BASE_DOUBLE,
  SLOT_BASE_WORD,
  SLOT_DOUBLES,
  SLOT_END,
  SLOT_LOST,
  SLOT_PHYSICAL,
  SLOT_SEQUENCE,
  SLOT_TIME_HIGH,
  SLOT_TIME_LOW,
  SLOT_WORDS,
  SLOTS,
  sinceEpoch,
  WAIT_WORD,
} from './layout.ts'
import {
  type CommitStore,
  OWN_BASE,
  OWN_COMMITTED,
  OWN_DOUBLES,
  OWN_LIMIT,
  OWN_LOST,
  OWN_OFFSET,
  OWN_PHYSICAL,
  OWN_SEQUENCE,
  OWN_TIME_HIGH,
  OWN_TIME_LOW,
  OWN_WORDS,
  type RecordParts,
  type StepText,
  type StepWriter,
} from './reserve.ts'
import { discardOrder, overwriteOrder, type SubBufferOrder } from './sub-buffer-order.ts'

export class SingleWriter implements StepWriter {
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly view: DataView
  readonly bytes: Uint8Array
  readonly own = new Int32Array(OWN_WORDS)
  readonly ownDoubles = new Float64Array(OWN_DOUBLES)
  readonly classCounters: number
  readonly classCapacity: number
  readonly created: number
  readonly epoch: bigint
  readonly text: StepText
  readonly #subBufferBytes: number
  readonly #order: SubBufferOrder
  /** The former owner had ended its sub-buffer, and a reader may have it. */
  #isEnded = false
  readonly #commitStore: CommitStore
  readonly #wake: () => void

  /**
   * Goes on where the last committed record ends, whoever wrote it. `owner` is the id of this thread,
   * `wake` tells a sleeping reader that a record is coming.
   */
  constructor(buffer: ArrayBufferLike, owner: number, commitStore: CommitStore, wake: () => void) {
    const geometry = readGeometry(buffer)
    const start = dataOffset(geometry)
    this.words = new Int32Array(buffer, 0, start / 4)
    this.doubles = new Float64Array(buffer, 0, start / 8)
    this.view = new DataView(buffer, start)
    this.bytes = new Uint8Array(buffer, start)
    this.classCounters = classCountersDouble(geometry)
    this.classCapacity = geometry.classCapacity
    this.created = geometry.created
    this.epoch = geometry.epoch
    this.#subBufferBytes = geometry.subBufferBytes
    this.#order =
      geometry.mode === 'overwrite'
        ? overwriteOrder(this.words, geometry)
        : discardOrder(this.words, geometry)
    this.#commitStore = commitStore
    this.#wake = wake
    this.text = reservationText(commitStore)
    this.resume()
    this.#takeOver(owner)
  }

  /** Goes on where the last committed record ends, whoever wrote it. */
  resume(): void {
    const { words, doubles, own, ownDoubles } = this
    const committed = words[COMMITTED_WORD] as number
    const slot = SLOT_BASE_WORD + (committed & (SLOTS - 1)) * SLOT_WORDS
    own[OWN_COMMITTED] = committed
    own[OWN_SEQUENCE] = words[slot + SLOT_SEQUENCE] as number
    own[OWN_PHYSICAL] = words[slot + SLOT_PHYSICAL] as number
    own[OWN_BASE] = (own[OWN_PHYSICAL] as number) * this.#subBufferBytes
    own[OWN_OFFSET] = (own[OWN_BASE] as number) + (words[slot + SLOT_END] as number)
    own[OWN_TIME_LOW] = words[slot + SLOT_TIME_LOW] as number
    own[OWN_TIME_HIGH] = words[slot + SLOT_TIME_HIGH] as number
    own[OWN_LIMIT] = 0
    let lost = 0
    for (let cause = 0; cause < LOSS_CAUSES.length; cause++) {
      lost += doubles[LOSS_BASE_DOUBLE + cause] as number
    }
    ownDoubles[OWN_LOST] = lost
    this.#isEnded = this.#order.isEnded(own[OWN_SEQUENCE] as number)
  }

  #takeOver(owner: number): void {
    const { words } = this
    words[OWNER_WORD] = owner
    words[OWNERS_WORD] = (words[OWNERS_WORD] as number) + 1
    // A record that the former owner had begun is not coming any more. Observable: readers see a quiet ring.
    words[BEGUN_WORD] = words[COMMITTED_WORD] as number
  }

  isNested(): boolean {
    if (this.words[BEGUN_WORD] === this.own[OWN_COMMITTED]) return false
    this.lose(LOSS_NESTED)
    return true
  }

  reserve(size: number): number {
    const offset = this.own[OWN_OFFSET] as number
    return offset + size <= (this.own[OWN_LIMIT] as number) ? offset : this.reserveSlow(size)
  }

  reserveSlow(size: number): number {
    // Before the commit, and still in time: a reader that was woken looks for a while before it sleeps again.
    if (this.words[WAIT_WORD] !== 0) this.#wake()
    if (size > this.#subBufferBytes) return ~LOSS_TOO_BIG
    const end = (this.own[OWN_BASE] as number) + this.#subBufferBytes
    if (this.#isEnded || (this.own[OWN_OFFSET] as number) + size > end) return this.#switch()
    this.own[OWN_LIMIT] = end
    return this.own[OWN_OFFSET] as number
  }

  /** Ends the current sub-buffer and goes to the next, if the reader needs nothing of it any more. */
  #switch(): number {
    const { words, doubles, own } = this
    const sequence = own[OWN_SEQUENCE] as number
    const next = (sequence + 1) | 0
    if (!this.#order.hasRoom(next)) return ~LOSS_FULL
    const physical = own[OWN_PHYSICAL] as number
    const time = sinceEpoch(own[OWN_TIME_LOW] as number, own[OWN_TIME_HIGH] as number, this.epoch)
    // Observable once a record of the next sub-buffer is committed, or when the sub-buffer's place is free.
    const old = HEADERS_WORD + physical * HEADER_WORDS
    const oldDouble = HEADERS_DOUBLE + physical * HEADER_DOUBLES
    words[old + HEADER_END] = (own[OWN_OFFSET] as number) - (own[OWN_BASE] as number)
    doubles[oldDouble + HEADER_END_TIME] = time
    doubles[oldDouble + HEADER_END_LOST] = this.#lostAtLastRecord()
    const before = doubles[oldDouble + HEADER_FIRST_RECORD] as number
    const nextPhysical = this.#order.go(physical, sequence)
    const header = HEADERS_WORD + nextPhysical * HEADER_WORDS
    const double = HEADERS_DOUBLE + nextPhysical * HEADER_DOUBLES
    words[header + HEADER_SEQUENCE] = next
    doubles[double + HEADER_FIRST_RECORD] = before + (((own[OWN_COMMITTED] as number) - before) >>> 0)
    doubles[double + HEADER_BEGIN_TIME] = time
    own[OWN_SEQUENCE] = next
    own[OWN_PHYSICAL] = nextPhysical
    const base = nextPhysical * this.#subBufferBytes
    own[OWN_BASE] = base
    own[OWN_OFFSET] = base
    own[OWN_LIMIT] = base + this.#subBufferBytes
    this.#isEnded = false
    return base
  }

  /** Losses after it belong to the next packet. */
  #lostAtLastRecord(): number {
    const slot = (this.own[OWN_COMMITTED] as number) & (SLOTS - 1)
    return this.doubles[SLOT_BASE_DOUBLE + slot * SLOT_DOUBLES + SLOT_LOST] as number
  }

  begin(): void {
    this.words[BEGUN_WORD] = (this.own[OWN_COMMITTED] as number) + 1
  }

  abandon(): void {
    this.words[BEGUN_WORD] = this.own[OWN_COMMITTED] as number
  }

  commit(end: number, eventId: number, low: number, high: number): void {
    const { words, doubles, own, ownDoubles } = this
    const committed = ((own[OWN_COMMITTED] as number) + 1) | 0
    const slot = committed & (SLOTS - 1)
    const word = SLOT_BASE_WORD + slot * SLOT_WORDS
    const double = SLOT_BASE_DOUBLE + slot * SLOT_DOUBLES
    own[OWN_TIME_LOW] = low
    own[OWN_TIME_HIGH] = high
    words[word + SLOT_SEQUENCE] = own[OWN_SEQUENCE] as number
    words[word + SLOT_END] = end - (own[OWN_BASE] as number)
    words[word + SLOT_PHYSICAL] = own[OWN_PHYSICAL] as number
    words[word + SLOT_TIME_LOW] = low
    words[word + SLOT_TIME_HIGH] = high
    doubles[double + SLOT_LOST] = ownDoubles[OWN_LOST] as number
    const counter = this.classCounters + Math.min(eventId, this.classCapacity - 1)
    doubles[counter] = (doubles[counter] as number) + 1
    if (this.#commitStore === 'plain') words[COMMITTED_WORD] = committed
    else Atomics.store(words, COMMITTED_WORD, committed)
    own[OWN_OFFSET] = end
    own[OWN_COMMITTED] = committed
  }

  lose(cause: number): void {
    const { doubles, ownDoubles } = this
    doubles[LOSS_BASE_DOUBLE + cause] = (doubles[LOSS_BASE_DOUBLE + cause] as number) + 1
    ownDoubles[OWN_LOST] = (ownDoubles[OWN_LOST] as number) + 1
  }

  discard(cause: number, generations: Int32Array, word: number, seen: Int32Array): boolean {
    const { words, doubles, own, ownDoubles } = this
    const committed = own[OWN_COMMITTED] as number
    // Inside of another record it is that one which keeps a stop waiting.
    const isInside = words[BEGUN_WORD] !== committed
    words[BEGUN_WORD] = committed + 1
    const isCounted = isInside || generations[word] === seen[0]
    if (isCounted) {
      doubles[LOSS_BASE_DOUBLE + cause] = (doubles[LOSS_BASE_DOUBLE + cause] as number) + 1
      ownDoubles[OWN_LOST] = (ownDoubles[OWN_LOST] as number) + 1
    }
    if (!isInside) words[BEGUN_WORD] = committed
    return isCounted
  }

  arm(): void {
    if (this.words[WAIT_WORD] !== 0) this.own[OWN_LIMIT] = 0
  }
}

/** What isNested(), reserve(), begin(), abandon() and commit() do, as text for a compiled probe. */
function reservationText(commitStore: CommitStore): StepText {
  const publish =
    commitStore === 'plain' ? `W[${COMMITTED_WORD}] = m;` : `Atomics.store(W, ${COMMITTED_WORD}, m);`
  const text: StepText = {
    record: parts => recordText(text, parts),
    isExact: false,
    functions: {},
    recover: `if (isBegun) W[${BEGUN_WORD}] = O[${OWN_COMMITTED}];`,
    reserve: (maxBytes, exactBytes, discard) => `
      const n = O[${OWN_COMMITTED}];
      if (W[${BEGUN_WORD}] !== n) { lose(${LOSS_NESTED}); return; }
      let p = O[${OWN_OFFSET}];
      if (p + ${maxBytes} > O[${OWN_LIMIT}]) { p = reserveSlow(${exactBytes}); if (p < 0) { ${discard('~p')} } }
      const m = (n + 1) | 0;`,
    begin: `W[${BEGUN_WORD}] = m;`,
    abandon: `W[${BEGUN_WORD}] = n;`,
    lose: cause =>
      `F[${LOSS_BASE_DOUBLE + cause}] = F[${LOSS_BASE_DOUBLE + cause}] + 1; T[${OWN_LOST}] = T[${OWN_LOST}] + 1;`,
    commit: eventId => `
      const k = m & ${SLOTS - 1};
      const w = ${SLOT_BASE_WORD} + k * ${SLOT_WORDS}, d = ${SLOT_BASE_DOUBLE} + k * ${SLOT_DOUBLES};
      W[w + ${SLOT_SEQUENCE}] = O[${OWN_SEQUENCE}];
      W[w + ${SLOT_END}] = q - O[${OWN_BASE}];
      W[w + ${SLOT_PHYSICAL}] = O[${OWN_PHYSICAL}];
      W[w + ${SLOT_TIME_LOW}] = low;
      W[w + ${SLOT_TIME_HIGH}] = high;
      F[d + ${SLOT_LOST}] = T[${OWN_LOST}];
      F[C + ${eventId}] = F[C + ${eventId}] + 1;
      ${publish}
      O[${OWN_TIME_LOW}] = low;
      O[${OWN_TIME_HIGH}] = high;
      O[${OWN_OFFSET}] = q;
      O[${OWN_COMMITTED}] = m;`,
  }
  return text
}

/** Space before the clock, the clock before the first store; no call between the first store and the commit. */
function recordText(text: StepText, parts: RecordParts): string {
  const { maxHeaderBytes, maxBytes, exactBytes } = parts
  return `
    ${text.reserve(`${maxHeaderBytes} + ${maxBytes}`, `${maxHeaderBytes} + ${exactBytes}`, parts.discard)}
    ${text.begin}
    isBegun = true;
    if (${parts.isStale}) {
      ${text.abandon}
      isBegun = false;
      ${parts.again}
    }
    const gl = O[${OWN_TIME_LOW}], gh = O[${OWN_TIME_HIGH}];
    ${parts.readClock}
    let low = ${parts.low}, high = ${parts.high};
    const isNear = ${parts.isNear};
    ${parts.write}
    ${text.commit(parts.eventId)}
    isBegun = false;`
}
