/** What one event costs, ours and LTTng's in turn; floors, disabled sites and clocks with it. */
import { CLOCKS, COMPARED, DISABLED, drainMs, FLOORS, ringFor, SETTLE_ROUNDS, warmRounds } from './cases.mjs'
import { interleave, startAll, withSides } from './interleave.mjs'
import { startFloors } from './lttng/lttng.mjs'
import { delay } from './scratch.mjs'
import { median, minimum, pairedRatio, pairedSurplus } from './statistics.mjs'

/** Events of a loop that costs a nanosecond or less: enough for the clock around it not to matter. */
const CHEAP = 10

const sample = values => ({ median: median(values), min: minimum(values), values })

/** The promise that every case is held to. @returns '' or what is wrong */
const mismatch = (side, { produced, recorded, discarded, byName, counted, causes }) => {
  if (discarded !== 0)
    return `${side} discarded ${discarded} of ${produced}${causes ? ` (${JSON.stringify(causes)})` : ''}`
  if (recorded !== produced) return `${side} produced ${produced} and recorded ${recorded}`
  if (byName !== undefined && byName !== recorded)
    return `${side} recorded ${recorded}, but ${byName} by name`
  if (counted !== undefined && counted !== recorded)
    return `${side} recorded ${recorded}, babeltrace2 found ${counted}`
  return ''
}

const problemsOf = (names, counts) => counts.map((count, i) => mismatch(names[i], count)).filter(Boolean)

const append = (all, parts) => {
  for (const [i, part] of parts.entries()) all[i].push(...part)
}

export const measureFloors = async ({ scratch, kymograph, sizes, report }) => {
  const ours = await kymograph.startAlone('floors')
  const c = await startFloors(scratch)
  if (typeof c === 'string') report.skip('floors of C', c)
  const rows = FLOORS.filter(({ loop }) => loop !== 'clock').map(floor => ({
    ...floor,
    side: 'ours',
    program: ours.program,
  }))
  if (typeof c !== 'string') {
    const ofC = FLOORS.filter(({ loop }) => loop !== 'now' && loop !== 'hrtime')
    rows.push(...ofC.map(floor => ({ ...floor, side: 'lttng', program: c })))
  }
  const rounds = rows.map(
    ({ program, loop }) =>
      () =>
        program.round(loop, sizes.events),
  )
  await interleave(rounds, SETTLE_ROUNDS, 0)
  const values = await interleave(rounds, sizes.floorRounds, 0)
  await ours.finish()
  if (typeof c !== 'string') await c.quit()
  for (const { loop, title } of FLOORS) {
    const of = side => {
      const index = rows.findIndex(row => row.loop === loop && row.side === side)
      return index < 0 ? undefined : sample(values[index])
    }
    report.add({ section: 'floors', name: loop, title, unit: 'ns', ours: of('ours'), lttng: of('lttng') })
  }
}

export const measureCompared = async ({ kymograph, lttng, sizes, report }) => {
  for (const item of COMPARED.filter(({ name }) => report.wants('events', name))) {
    await report.attempt('events', item, () => compare(item, { kymograph, lttng, sizes, report }))
  }
}

const compare = async (item, { kymograph, lttng, sizes, report }) => {
  const { verb = 'round', contexts = [] } = item
  const loops = [item, item.peer ?? item]
  const n = sizes.events
  const names = lttng ? ['ours', 'lttng'] : ['ours']
  const values = names.map(() => [])
  const counts = []
  const problems = []
  const latencies = {}
  for (let process = 0; process < sizes.processes; process++) {
    const options = { contexts, ...ringFor(item, n), count: sizes.count(item, process) }
    const sides = await startAll(
      [kymograph, lttng]
        .filter(Boolean)
        .map((tracer, i) => () => tracer.start({ ...options, events: loops[i].events })),
    )
    const rounds = sides.map(
      ({ program }, i) =>
        () =>
          program.round(loops[i].loop, n, verb),
    )
    const [measured, counted] = await withSides(sides, async () => {
      await interleave(rounds, warmRounds(item, n), drainMs(item, n))
      if (item.latency && process === 0) {
        for (const [i, { program }] of sides.entries())
          latencies[names[i]] = await program.single(item.loop, sizes.singles)
        await delay(drainMs(item, n))
      }
      return interleave(rounds, sizes.pairs, drainMs(item, n))
    })
    append(values, measured)
    counts.push(...counted)
    problems.push(...problemsOf(names, counted))
  }
  const [ours, theirs] = values
  const ratio = theirs && pairedRatio(ours, theirs)
  report.add({
    section: 'events',
    name: item.name,
    title: item.title,
    unit: 'ns',
    ours: sample(ours),
    lttng: theirs && sample(theirs),
    ratio,
    target: item.target,
    met: item.target === undefined || ratio === undefined ? undefined : ratio <= item.target,
    counts,
    problems,
  })
  if (latencies.ours)
    report.add({ section: 'single', name: `${item.name}-single`, title: item.title, unit: 'ns', latencies })
}

export const measureDisabled = async ({ kymograph, lttng, sizes, report }) => {
  const wanted = DISABLED.filter(({ name }) => report.wants('disabled', name))
  if (wanted.length === 0) return
  // Once without any session, once beside a session that records other events.
  const ring = ringFor({ bytes: 8 }, 1000)
  const variants = [
    { suffix: '', note: '', start: () => kymograph.startAlone(), peer: lttng },
    {
      suffix: '-session',
      note: ', session on',
      start: () => kymograph.start({ events: 'other:*', contexts: [], ...ring }),
    },
  ]
  for (const { suffix, note, start, peer } of variants) {
    const named = wanted.map(item => ({ ...item, name: item.name + suffix, title: item.title + note }))
    await report.attempt('disabled', named[0], () => compareDisabled(named, start, peer, sizes, report))
  }
}

const compareDisabled = async (items, start, peer, sizes, report) => {
  const n = sizes.events * CHEAP
  const starts = peer ? [start, () => peer.startDisabled()] : [start]
  const values = items.map(() => starts.flatMap(() => [[], []]))
  const problems = []
  for (let process = 0; process < sizes.processes; process++) {
    const sides = await startAll(starts)
    const [measured, counts] = await withSides(sides, async () => {
      const all = []
      for (const { loop, floor } of items) {
        const rounds = sides.flatMap(({ program }) => [loop, floor].map(name => () => program.round(name, n)))
        await interleave(rounds, SETTLE_ROUNDS, 0)
        all.push(await interleave(rounds, sizes.pairs, 0))
      }
      return all
    })
    for (const [i, parts] of measured.entries()) append(values[i], parts)
    for (const { recorded, discarded } of counts) {
      if (recorded || discarded)
        problems.push(`a disabled site recorded ${recorded} and discarded ${discarded} events`)
    }
  }
  for (const [i, { name, title, target }] of items.entries()) {
    const [site, floor, theirSite, theirFloor] = values[i]
    const surplus = (a, b) => ({
      median: pairedSurplus(a, b),
      min: minimum(a.map((value, k) => value - b[k])),
      values: a,
      floors: b,
    })
    const ours = surplus(site, floor)
    report.add({
      section: 'disabled',
      name,
      title,
      unit: 'ns',
      ours,
      lttng: theirSite && surplus(theirSite, theirFloor),
      target,
      targetUnit: 'ns',
      met: ours.median <= target,
      problems,
    })
  }
}

export const measureClocks = async ({ kymograph, sizes, report }) => {
  if (!report.wants('clocks', 'coarse') && !report.wants('clocks', 'global')) return
  const item = COMPARED.find(({ name }) => name === 'int')
  await report.attempt('clocks', { name: 'clocks', title: 'clocks' }, async () => {
    const names = ['monotonic', ...CLOCKS.map(({ name }) => name)]
    const values = names.map(() => [])
    const problems = []
    for (let process = 0; process < sizes.processes; process++) {
      const options = { events: item.events, contexts: [], ...ringFor(item, sizes.events) }
      const sides = await startAll(names.map(clock => () => kymograph.start({ ...options, clock })))
      const rounds = sides.map(
        ({ program }) =>
          () =>
            program.round(item.loop, sizes.events),
      )
      const [measured, counts] = await withSides(sides, async () => {
        await interleave(rounds, warmRounds(item, sizes.events), drainMs(item, sizes.events))
        return interleave(rounds, sizes.pairs, drainMs(item, sizes.events))
      })
      append(values, measured)
      problems.push(...problemsOf(names, counts))
    }
    for (const [i, { name, title, target }] of CLOCKS.entries()) {
      const ratio = pairedRatio(values[i + 1], values[0])
      report.add({
        section: 'clocks',
        name,
        title,
        unit: 'ns',
        ours: sample(values[i + 1]),
        base: sample(values[0]),
        ratio,
        target,
        met: target === undefined ? undefined : ratio <= target,
        problems: i === 0 ? problems : [],
      })
    }
  })
}
