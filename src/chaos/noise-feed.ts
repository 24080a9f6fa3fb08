/** A feed whose rows are malformed as often as not, and what its agent says of it. */

/** Its name, and what it carries. */
export const NOISE = 'noise'
const declaration = {
  agent_class: 'ForeignAgent',
  record: true,
  frame_length: 1,
  blocks: { noise: { n: { type: 'double' }, count: { type: 'int' } } },
}
const DEEP = `${'['.repeat(5000)}${']'.repeat(5000)}`

/** One of a list. */
export type Pick = <T>(list: readonly T[]) => T
/** Something that is sent, and what is wrong with it; undefined when nothing is. */
export type Text = readonly [wrong: string | undefined, text: string]

/** What can be wrong with a row: each makes one of the text of a good one. */
const SPOIL: Readonly<Record<string, (good: string) => string>> = {
  'a row with NaN': (good) => good.replace('"n":[0]', '"n":[NaN]'),
  'a row with a time as text': (good) => good.replace(/"t":\[([\d.]+)\]/, '"t":["$1"]'),
  'a row without times': (good) => good.replace(/"t":\[[\d.]+\],/, ''),
  'a row from the far future': (good) => good.replace(/"t":\[[\d.]+\]/, '"t":[1e300]'),
  'a row with a text for a number': (good) => good.replace('"n":[0]', '"n":["high"]'),
  'a row with an extra field': (good) => good.replace('"n":', '"Channel_1_T":[1],"n":'),
  'a row with fewer values than times': (good) => good.replace('"n":[0]', '"n":[]'),
  'a row of no block': (good) => good.replace('"block":"noise"', '"block":"__proto__"'),
  'a row of another epoch': (good) => good.replace('"epoch":"', '"epoch":"0'),
  'a row with a fraction of a number': (good) => good.replace(/"seq":(\d+)/, '"seq":$1.5'),
  'a row from far ahead': (good) => good.replace(/"seq":(\d+)/, '"seq":$100000'),
  'half a row': (good) => good.slice(0, good.length / 2),
  'a deeply nested row': (good) => good.replace('"n":[0]', `"n":${DEEP}`),
  'no row': () => 'null',
}

/** A row, good half of the time. @param t unix s */
export function noisyRow(epoch: string, seq: number, t: number, pick: Pick): Text {
  const good = JSON.stringify({ epoch, seq, block: 'noise', t: [t], data: { n: [0], count: [seq] } })
  const [wrong, how] = pick(Object.entries(SPOIL))
  return pick<Text>([
    [undefined, good],
    [wrong, how(good)],
  ])
}

/** What an agent's presence says that it holds of the feed. */
export const heldNoise = (epoch: string, last: number) => ({
  [NOISE]: { spool: NOISE, epochs: [{ epoch, first: 1, last, acked: 0 }] },
})

/** An answer to who asks for rows, good a quarter of the time as far as they are. */
export function noisyAnswer(
  { feed, epoch, from }: { readonly feed: string; readonly epoch: string; readonly from: number },
  rows: readonly string[],
  pick: Pick,
): Text {
  const next = from + rows.length
  const whole = (more = {}) => {
    const about = JSON.stringify({ feed, epoch, declaration, next, head: next - 1, ...more })
    return `${about.slice(0, -1)},"rows":[${rows.join()}]}`
  }
  return pick<Text>([
    [undefined, whole()],
    [undefined, whole()],
    ['an answer without progress', whole({ next: from })],
    ['an answer from far behind', whole({ head: 1e15 })],
    ['an answer of another epoch', whole({ epoch: 'other' })],
    ['an answer that declares nothing', whole({ declaration: { ...declaration, blocks: [] } })],
    ['half an answer', whole().slice(0, -20)],
  ])
}
