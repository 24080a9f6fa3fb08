import type { Random } from '../../test/random.ts'
import { type Recorded, recorded, recordings } from './site.test-aid.ts'

/** A request to send to a bridge. */
export interface Mutated {
  /** Path and query, from `/`. */
  readonly where: string
  readonly init: RequestInit
}

/**
 * Returns requests of all dialects as plugins send them, in turn, with up to three faults in query and body.
 */
export function mutatedRequests(random: Random): () => Mutated {
  const corpus = recordings.map(recorded)
  return () => {
    const { method, path, headers, body, form } = random.pick(corpus) as Recorded
    const asked = path.includes('?') || random.below(10) === 0 ? mutate(path, random) : path
    const where = `/${asked.replaceAll(/[\s#\\]/g, '').replace(/^\/+/, '')}`
    const type = random.below(20) === 0 ? { 'content-type': 'text/plain' } : {}
    const sent = { method, headers: { ...headers, ...type } }
    const text = mutate(form ?? JSON.stringify(body ?? {}), random)
    return { where, init: method === 'GET' ? sent : { ...sent, body: text } }
  }
}

/**
 * Returns requests of Graphite's dialect from a grammar: targets, patterns and times, most of them
 * meaningful.
 */
export function graphiteRequests(random: Random): () => Mutated {
  const path = () => {
    const parts = Array.from({ length: random.below(3) === 0 ? random.below(4) : 2 }, () =>
      random.pick(PARTS),
    )
    return parts.join('.')
  }
  const value = () =>
    random.pick([
      '1',
      '-1',
      '0',
      '1e308',
      '-.5',
      '"\\1"',
      `'(^.*$)'`,
      '"[a-"',
      '"(a*)*b"',
      'true',
      path(),
      '',
    ])
  const target = (depth: number): string => {
    if (depth === 0 || random.below(3) === 0) return path()
    const rest = Array.from({ length: random.below(3) }, () => `,${value()}`).join('')
    return `${random.pick(NAMES)}(${target(depth - 1)}${rest}${random.below(30) === 0 ? '' : ')'}`
  }
  return () => {
    const form = new URLSearchParams()
    const find = random.below(5) === 0
    if (find) form.append('query', path())
    else for (let i = random.below(3); i >= 0; i--) form.append('target', target(random.below(5)))
    if (random.below(2) === 0)
      form.append('from', random.pick(['-1h', '-5min', '0', '99999999999999999', 'now', 'x', '-1', '']))
    if (random.below(3) === 0) form.append('until', random.pick(['now', '-1h', '1e9', '20261123']))
    if (random.below(3) === 0)
      form.append('maxDataPoints', random.pick(['1', '0', '-5', '1e99', 'NaN', '684']))
    return { where: `/graphite/${find ? 'metrics/find' : 'render'}`, init: { method: 'POST', body: form } }
  }
}

/** Sends what `next` returns to a bridge, twenty requests at a time; returns how often each status came. */
export async function flood(
  url: string,
  times: number,
  next: () => Mutated,
): Promise<Record<number, number>> {
  const counts: Record<number, number> = {}
  const one = async () => {
    const { where, init } = next()
    const answer = await fetch(url + where, init)
    await answer.arrayBuffer()
    counts[answer.status] = (counts[answer.status] ?? 0) + 1
  }
  for (let done = 0; done < times; done += 20) await Promise.all(Array.from({ length: 20 }, one))
  return counts
}

const PARTS = [
  'LSA21OQ',
  'LSA22HA',
  '*',
  'Channel_1_T',
  '{Channel_1_T,Channel_2_T}',
  '{LSA21OQ,*}',
  'Ch*',
  '[',
  '[!a]*',
  '{',
  '}',
  '',
  '__proto__',
  '?'.repeat(11),
]
const NAMES = [
  'alias',
  'aliasSub',
  'aliasByNode',
  'scale',
  'offset',
  'constantLine',
  'sumSeries',
  '',
  '__proto__',
  'toString',
]

const BITS = [
  'null',
  '-1',
  '1e999',
  '{}',
  '[]',
  '"',
  '\\',
  '(',
  ')',
  '|',
  '::',
  '\u0000',
  '💥',
  '__proto__',
  'a'.repeat(5000),
  '9'.repeat(400),
]

function mutate(text: string, random: Random): string {
  let result = text
  for (let times = random.below(4); times > 0; times--) {
    const at = random.below(result.length + 1)
    const cut = random.below(3) === 0 ? random.below(40) : random.below(3)
    const bit = random.below(2) === 0 ? random.pick(BITS) : String.fromCharCode(random.below(256))
    result = result.slice(0, at) + bit + result.slice(at + cut)
  }
  return random.below(4) === 0
    ? result.replaceAll(/"(\w+)":/g, () => `"${random.pick(['range', 'targets', 'target', 'from'])}":`)
    : result
}
