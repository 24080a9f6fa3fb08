import type { OpState } from '../core/ops.ts'
import { expand } from '../lab/targets.ts'
import { type Happening, type History, type Raised, type Run, troublesOf } from './history.ts'

/** Maximum annotations per answer, the newest: thousands would freeze a browser. */
const MAX_MARKS = 500
/** Maximum operations, and rows, of a table of states. */
const MAX_OPS = 200
const MAX_ROWS = 2000

/** An annotation: a point in time, or a region when it has an end. Times in unix s. */
export interface Mark {
  readonly id: string
  readonly time: number
  readonly end: number | undefined
  readonly title: string
  readonly text: string
  /** Instance, operation or kind of event, and the outcome. */
  readonly tags: readonly string[]
}
interface Wanted {
  /** Unix ms. */
  readonly from: number
  readonly to: number
  /** Words that must all occur, in tags, title or text. Empty means no restriction. */
  readonly words: string
  /** The words are tags, which must match exactly. */
  readonly all?: boolean
}

/** The sessions, events and alarms of a span of time that contain all words, in time order. */
export function choose(history: History, { from, to, words, all = false }: Wanted): Mark[] {
  const fits = matcher(words, all)
  // An alarm agent's messages about its alarms are shown as regions of the alarms.
  const events = history.events().filter(({ kind }) => kind !== 'alarm')
  return [
    ...history.runs().flatMap(marksOfRun),
    ...events.map(markOfEvent),
    ...history.alarms().map(markOfAlarm),
  ]
    .filter(({ time, end = time }) => time * 1000 <= to && end * 1000 >= from)
    .filter(fits)
    .sort((a, b) => a.time - b.time)
    .slice(-MAX_MARKS)
}

/**
 * Parses an annotation query: words, `#tag`s, and variables as Grafana expands them, `(ls240|ls372)`.
 * `events` alone is the name of the query for all of them.
 */
function matcher(query: string, tagsOnly: boolean): (mark: Mark) => boolean {
  const ways = expand(query.slice(0, 4096)).map((text) =>
    text
      .toLowerCase()
      .split(/[\s,]+/)
      .map((word) => word.replace(/^#/, ''))
      .filter((word) => !['', '*', 'events', 'undefined'].includes(word)),
  )
  return ({ tags, title, text }) => {
    const known = tags.map((tag) => tag.toLowerCase())
    const body = `${title} ${text}`.toLowerCase()
    return ways.some((words) =>
      words.every((word) => known.includes(word) || (!tagsOnly && body.includes(word))),
    )
  }
}

function markOfRun({ instance, op, id, start, end, startedBy, message }: Run): Mark {
  const outcome = end === undefined ? 'running' : 'ended'
  const by = `session ${id}, started by ${startedBy}`
  return {
    id: `${instance}/${op}/${id}/${start}`,
    time: start,
    end,
    title: `${instance} ${op}: ${outcome}`,
    text: message === '' ? by : `${message} (${by})`,
    tags: [instance, op, 'operation', outcome],
  }
}

/** A run, and its faults, each at its time. */
function marksOfRun(run: Run): Mark[] {
  const whole = markOfRun(run)
  const troubles = troublesOf(run).map(({ state, start, end, why }): Mark => {
    return {
      id: `${whole.id}/${state}/${start}`,
      time: start,
      end: state === 'failed' ? undefined : end,
      title: `${run.instance} ${run.op}: ${state}`,
      text: why === '' ? `session ${run.id}` : `${why} (session ${run.id})`,
      tags: [run.instance, run.op, 'operation', state],
    }
  })
  return [whole, ...troubles]
}

function markOfAlarm({ instance, name, severity, text, raised, ended, acknowledged }: Raised): Mark {
  return {
    id: `${instance}/alarm/${name}/${raised}`,
    time: raised,
    end: ended,
    title: `${severity}: ${name}`,
    text: acknowledged === '' ? text : `${text} (${acknowledged})`,
    tags: [...new Set([instance, name, 'alarm', severity])],
  }
}

function markOfEvent({ instance, kind, level, text, time, nth }: Happening): Mark {
  return {
    id: `${instance}/event/${nth}`,
    time,
    end: undefined,
    title: `${instance}: ${kind}`,
    text,
    tags: [instance, kind, 'event', level],
  }
}

/** Operations and their states over time: a column per operation, a row per change. Times in unix ms. */
export interface States {
  readonly ops: readonly string[]
  readonly rows: readonly (readonly [number, ...(OpState | null)[]])[]
}

/** The states of operations between two times (unix ms) if their instance or name contains all words. */
export function states(history: History, { from, to, words }: Wanted, now = Date.now()): States {
  const fits = matcher(words, false)
  const byOp = Map.groupBy(
    history.runs().filter((run) => fits(markOfRun(run))),
    ({ instance, op }) => `${instance} ${op}`,
  )
  const ops = [...byOp.keys()].sort().slice(0, MAX_OPS)
  const until = Math.min(to, now)
  const lines = ops.map((op) =>
    (byOp.get(op) ?? []).flatMap(({ steps }) => steps).sort((a, b) => a[0] - b[0]),
  )
  const changes = lines.flatMap((steps) => steps.map(([time]) => Math.round(time * 1000)))
  const inside = changes.filter((time) => time > from && time < until).sort((a, b) => a - b)
  if (until < from || ops.length === 0) return { ops, rows: [] }
  const times = [from, ...[...new Set(inside)].slice(-MAX_ROWS), until]
  const at = lines.map(() => 0)
  const rows = times.map((time) => {
    const here = lines.map((steps, op) => {
      while (Math.round((steps[at[op] ?? 0]?.[0] ?? Infinity) * 1000) <= time) at[op] = (at[op] ?? 0) + 1
      return steps[(at[op] ?? 0) - 1]?.[1] ?? null
    })
    return [time, ...here] as const
  })
  return { ops, rows }
}
