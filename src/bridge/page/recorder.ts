import { NOT_KNOWN } from './agents.ts'
import { byId, h } from './dom.ts'
import { countText } from './format.ts'
import type { AgentView } from './shape.ts'

/** Number of rows waiting for the recorder that deserves attention: minutes of a fast instrument. */
const MANY_ROWS = 10_000
/** Counters of a recorder that should stay 0. */
const BAD = ['gaps', 'quarantined', 'torn_tails']
/** States in which a recorder receives data. */
const RECORDS: readonly string[] = ['running', 'degraded']
const SHOWN = ['rows', 'samples', 'frames', ...BAD, 'holes', 'duplicates']

/**
 * Shows the state of recording: each recorder, and how much is waiting in the agents' spools.
 * @param known whether the bridge and the hub are there
 */
export function showRecorder(agents: readonly AgentView[], known: boolean): void {
  const recorders = agents.filter(({ recorder }) => recorder !== null)
  const spools = agents.flatMap(({ instance, spools: list, state }) =>
    list.map(({ feed, waiting }) => ({ name: `${instance} ${feed}`, waiting, state })),
  )
  const troubles = agents.flatMap(({ instance, troubles: list }) =>
    list.map(
      ({ name, count, help }) => `${instance}: ${countText(count)} ${help || name.replaceAll('_', ' ')}`,
    ),
  )
  byId('recorder').replaceChildren(
    ...(recorders.length > 0
      ? recorders.map((view) => recorderCard(view, known))
      : [h('p', { class: 'note' }, 'No recorder is known: samples wait in the agents’ spools.')]),
    ...(spools.length > 0 ? [spoolTable(spools)] : []),
    ...(troubles.length > 0
      ? [h('ul', { class: 'troubles' }, ...troubles.map((text) => h('li', {}, text)))]
      : []),
  )
}

function recorderCard({ instance, state, ops, recorder }: AgentView, known: boolean): HTMLElement {
  const { file, folder, behind, problem, counters, stale } = recorder ?? {
    file: null,
    folder: '',
    behind: 0,
    problem: null,
    counters: {},
    stale: [],
  }
  const record = state === 'online' ? (ops.find(({ op }) => op === 'record')?.state ?? 'idle') : state
  const badge = known
    ? h('span', { class: `badge ${record}` }, record)
    : h('span', { class: 'badge' }, NOT_KNOWN)
  const facts = SHOWN.flatMap((name) => {
    const count = counters[name]
    if (count === undefined || (count === 0 && !BAD.includes(name))) return []
    const bad = BAD.includes(name) && count > 0
    return [h('dt', {}, name.replaceAll('_', ' ')), h('dd', { class: bad && 'bad' }, countText(count))]
  })
  return h(
    'article',
    { class: 'agent', 'aria-label': `recorder ${instance}` },
    h('header', {}, h('h3', {}, instance), badge),
    h('p', { class: 'note path' }, file ?? `nothing written yet in ${folder}`),
    problem !== null && h('p', { class: 'fault' }, problem),
    // Its last report about feeds is outdated while it does not record.
    stale.length > 0 &&
      RECORDS.includes(record) &&
      h('p', { class: 'fault' }, `no data from ${stale.join(', ')}`),
    h('dl', { class: 'facts' }, h('dt', {}, 'rows behind'), h('dd', {}, countText(behind)), ...facts),
  )
}

function spoolTable(
  spools: readonly { readonly name: string; readonly waiting: number; readonly state: string }[],
): HTMLElement {
  return h(
    'table',
    {},
    h('caption', {}, 'Rows in spools, not yet in a file'),
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'feed'), h('th', { scope: 'col' }, 'rows'))),
    h(
      'tbody',
      {},
      ...spools.map(({ name, waiting }) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, name),
          h('td', { class: waiting > MANY_ROWS && 'bad' }, countText(waiting)),
        ),
      ),
    ),
  )
}
