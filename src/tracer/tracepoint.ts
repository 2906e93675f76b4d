/** `tracepoint()` and `marker()`: what a program declares, once, where its code is. */
import { KymoError } from '../base/index.ts'
import type { Probe, RecordedField } from '../channel/index.ts'

import { LOG_LEVELS, type LogLevel } from '../ctf/model/index.ts'
import { type ExtractedField, type Field, type FieldType, fieldPlans, payloadClass } from './field.ts'
import { type MarkerArguments, type MarkerFormat, parseMarkerFormat } from './marker-format.ts'
import { isProbeObject, type ProbeObject } from './probe.ts'
import type { Site, SiteDescription } from './site.ts'
import { tracer } from './tracer.ts'

/** `provider:event`. */
export type EventName = `${string}:${string}`

/** LTTng refuses longer names. */
const MAX_NAME_CHARACTERS = 255

export interface TracepointOptions {
  /** LTTng's; INFO where none is given. */
  readonly logLevel?: LogLevel
  /** Recorded only by a rule that names the provider: for what is private or long. */
  readonly optIn?: boolean
}

/** A site of a program: call it with the arguments that it was declared with. It never throws. */
export interface Tracepoint<A extends readonly unknown[]> {
  (...args: A): void
  /** True while a rule or a probe of the program's own wants it. */
  readonly enabled: boolean
  /** Calls `probe` with each hit, beside what is recorded; returns what takes it away again. */
  connect(probe: ((...args: A) => unknown) | ProbeObject<A>): () => void
}

/** A site that hands over objects; what is recorded of them is declared beside it. */
export interface OpenTracepoint<A extends readonly unknown[]> extends Tracepoint<A> {
  /** Declares the recording probe: once. */
  record(...fields: readonly ExtractedField<A>[]): this
}

export interface Marker<A extends readonly unknown[]> {
  (...args: A): void
  readonly enabled: boolean
  readonly format: string
  /** Calls `sink` with the format and the values of each hit; returns what takes it away again. */
  connect(sink: ((format: string, ...args: A) => unknown) | ProbeObject<A>): () => void
}

type AnyField = Field<string, never>
type Values<F extends readonly AnyField[]> = {
  [K in keyof F]: F[K] extends Field<string, infer T> ? T : never
}

export function tracepoint<const F extends readonly AnyField[]>(
  name: EventName,
  ...fields: F
): Tracepoint<Values<F>>
export function tracepoint<const F extends readonly AnyField[]>(
  name: EventName,
  options: TracepointOptions,
  ...fields: F
): Tracepoint<Values<F>>
export function tracepoint<A extends readonly unknown[]>(
  name: EventName,
  options?: TracepointOptions,
): OpenTracepoint<A>
export function tracepoint(name: string, ...rest: readonly unknown[]): unknown {
  const isField = (value: unknown): boolean =>
    typeof (value as { type?: unknown } | undefined)?.type === 'object'
  const options = rest[0] !== undefined && !isField(rest[0]) ? (rest[0] as TracepointOptions) : {}
  const fields = rest.filter(isField) as { name: string; type: FieldType }[]
  const site = declare(name, 'tracepoint', options, fields.length)
  const isOpen = fields.length === 0
  if (isOpen) {
    tracer.adopt(site)
    queueMicrotask(() => site.recording ?? setRecording(site, []))
  } else setRecording(site, fields)
  return face(site, isOpen, {
    connect: (probe: Probe | ProbeObject<readonly unknown[]>) => connect(site, probe, value => value),
    record: (...extracted: readonly ExtractedField<readonly unknown[]>[]) => recordBy(site, extracted),
  })
}

export function marker<const F extends string>(
  name: EventName,
  format: MarkerFormat<F> & F,
  options?: TracepointOptions,
): Marker<MarkerArguments<F>>
export function marker(name: string, format: string, options: TracepointOptions = {}): unknown {
  const fields = parseMarkerFormat(format)
  const site = declare(name, 'marker', options, fields.length, format)
  setRecording(site, fields)
  return face(site, false, {
    format,
    connect: (probe: Probe | ProbeObject<readonly unknown[]>) =>
      connect(
        site,
        probe,
        sink =>
          (...args: unknown[]) =>
            sink(format, ...args),
      ),
  })
}

/** Hands the calls of `on` and `off` over: now, if the site is on, and whenever that changes. */
export function whenEnabled(site: Pick<Tracepoint<never>, 'enabled'>, on: () => void, off: () => void): void {
  sites.get(site)?.watch(on, off)
}

/** A field of either kind: what `tracepoint()` takes, what `record()` takes, what a format says. */
interface DeclaredField {
  readonly name: string
  readonly type: FieldType
  readonly extract?: unknown
}

const sites = new WeakMap<object, Site>()

/** Sites without fields hand their arguments over by position: so many of them at most. */
const OPEN_ARITY = 8

function declare(
  name: string,
  kind: 'tracepoint' | 'marker',
  options: TracepointOptions,
  arity: number,
  format?: string,
): Site {
  if (typeof name !== 'string' || !/^[^:\0]+:[^\0]+$/.test(name) || name.length > MAX_NAME_CHARACTERS) {
    throw new KymoError(
      'KYMO_NAME',
      `an event is named provider:event, with ${MAX_NAME_CHARACTERS} characters at most: got ${JSON.stringify(name)}`,
    )
  }
  const logLevel = options.logLevel ?? 'INFO'
  if (!LOG_LEVELS.includes(logLevel)) {
    throw new KymoError('KYMO_LOG_LEVEL', `a log level is one of ${LOG_LEVELS.join(', ')}: got ${logLevel}`)
  }
  const description: SiteDescription = {
    name,
    kind,
    logLevel,
    optIn: options.optIn === true,
    arity: arity > 0 ? arity : kind === 'marker' ? 0 : OPEN_ARITY,
    ...(format === undefined ? {} : { format }),
  }
  return tracer.site(description)
}

function setRecording(site: Site, declared: readonly DeclaredField[]): void {
  const { kind, name } = site.description
  const payload = payloadClass(declared, `${kind} ${name}`)
  const listed = declared.map(field => ({ name: field.name, type: field.type.label }))
  // Most events of a program are never recorded: how is found out when one is.
  const plans = (): RecordedField[] =>
    fieldPlans(payload).map((plan, i) => ({ plan, extract: declared[i]?.extract as Probe | undefined }))
  let fields: RecordedField[] | undefined
  site.recording = {
    payload,
    listed,
    get fields() {
      fields ??= plans()
      return fields
    },
  }
  site.recorders = new Map()
  tracer.declareEvent(site)
}

function recordBy(site: Site, extracted: readonly ExtractedField<readonly unknown[]>[]): void {
  if (site.recording !== undefined && site.recording.listed.length > 0) {
    throw new KymoError('KYMO_RECORD', `${site.description.name} has its recording probe already`)
  }
  setRecording(site, extracted)
}

function connect(
  site: Site,
  probe: Probe | ProbeObject<readonly unknown[]>,
  adapt: (sink: Probe) => Probe,
): () => void {
  if (isProbeObject(probe)) return site.connect(probe, tracer.guarded(probe.attach(tracer)))
  return site.connect(probe, tracer.guarded(adapt(probe)))
}

/** The function that the program calls, with the members of its interface. */
function face(site: Site, isOpen: boolean, members: Record<string, unknown>): unknown {
  const { hit } = site
  Object.defineProperty(hit, 'enabled', { get: () => site.isOn })
  for (const [name, value] of Object.entries(members)) {
    if (name !== 'record') Object.defineProperty(hit, name, { value })
    else if (isOpen) {
      const record = value as (...fields: readonly unknown[]) => void
      Object.defineProperty(hit, name, {
        value: (...fields: readonly unknown[]) => {
          record(...fields)
          return hit
        },
      })
    }
  }
  sites.set(hit, site)
  return hit
}
