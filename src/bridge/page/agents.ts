import { counted } from '../../core/counted.ts'
import { agoText, bridgeTime, dayText } from './clock.ts'
import { arrange, byId, h, say } from './dom.ts'
import { act, showOp } from './op-detail.ts'
import { type AgentView, isElsewhere, type OpView } from './shape.ts'

interface Card {
  readonly element: HTMLElement
  readonly body: HTMLElement
  readonly beat: HTMLElement
  view: AgentView
  /** The data from which the body was made. */
  made: string
}

/** The agents with their operations. */
export class Agents {
  readonly #cards = new Map<string, Card>()
  readonly #mayOperate: () => boolean
  #known = true

  constructor(mayOperate: () => boolean) {
    this.#mayOperate = mayOperate
    setInterval(() => this.#ages(), 1000)
  }

  get views(): AgentView[] {
    return [...this.#cards.values()].map(({ view }) => view)
  }

  /** Takes the state of an agent. */
  take(view: AgentView): void {
    const card = this.#cards.get(view.instance) ?? this.#card(view)
    card.view = view
    this.#make(card)
    this.#age(card)
    const order = [...this.#cards.values()].sort(
      (a, b) =>
        rank(a.view) - rank(b.view) ||
        a.view.instance.localeCompare(b.view.instance, 'en', { numeric: true }),
    )
    arrange(
      byId('agents'),
      order.map(({ element }) => element),
    )
  }

  /** Removes an agent. */
  forget(instance: string): void {
    this.#cards.get(instance)?.element.remove()
    this.#cards.delete(instance)
  }

  /**
   * Whether the bridge and the hub are there: without them nobody knows what agents do, and most continue as
   * they were.
   */
  know(known: boolean): void {
    if (known === this.#known) return
    this.#known = known
    this.refresh()
  }

  /** Somebody signed in or out. */
  refresh(): void {
    for (const card of this.#cards.values()) this.#make(card)
  }

  #card(view: AgentView): Card {
    const beat = h('span', { class: 'beat' })
    const body = h('div', {})
    const element = h('article', { class: 'agent', 'aria-label': view.instance }, body)
    const card = { element, body, beat, view, made: '' }
    this.#cards.set(view.instance, card)
    return card
  }

  /** Redraws a card if its content has changed; a focused button keeps the focus. */
  #make(card: Card): void {
    const { view, body, element } = card
    const { instance, state, ops, lock, agentClass, host, node, since, clock, why } = view
    const made = JSON.stringify([
      { ...view, beat: 0, spools: 0, troubles: 0, recorder: 0 },
      this.#mayOperate(),
      this.#known,
    ])
    if (made === card.made) return
    card.made = made
    const focused = body.contains(document.activeElement)
      ? (document.activeElement as HTMLElement).dataset['key']
      : undefined
    const open = body.querySelector('details')?.open === true
    const shown = ops.filter(({ since: ran, kind }) => ran !== null || kind === 'process')
    const rest = ops.filter((op) => !shown.includes(op))
    const title = node === null ? instance : `${instance} (${node})`
    const about = [
      agentClass,
      host && `on ${host}`,
      since !== null && state === 'online' && `since ${dayText(since)}`,
    ]
    element.className = `agent ${state}`
    body.replaceChildren(
      h('header', {}, h('h3', {}, title), this.#badge(state, STATES[state]), card.beat),
      h('p', { class: 'note' }, about.filter(Boolean).join(' · ')),
      ...(why !== null ? [h('p', { class: 'fault' }, why)] : []),
      ...(clock !== null ? [h('p', { class: 'fault' }, clock)] : []),
      ...(lock && lock.until > bridgeTime()
        ? [h('p', { class: 'lock' }, `Locked by ${lock.by} until ${dayText(lock.until)}`)]
        : []),
      this.#list(view, shown),
      ...(rest.length > 0
        ? [
            h(
              'details',
              { open },
              h('summary', { 'data-key': 'more' }, counted(rest.length, 'more operation')),
              this.#list(view, rest),
            ),
          ]
        : []),
    )
    if (focused)
      [...body.querySelectorAll<HTMLElement>('[data-key]')]
        .find((one) => one.dataset['key'] === focused)
        ?.focus()
  }

  #list(of: AgentView, ops: readonly OpView[]): HTMLElement {
    return h('ul', { class: 'ops' }, ...ops.map((op) => this.#op(of, op)))
  }

  #op({ instance, state: agent }: AgentView, view: OpView): HTMLElement {
    const { op, state, message, since, end, kind } = view
    const runs = ['starting', 'running', 'degraded', 'stopping'].includes(state)
    // An operation that has ended keeps its outcome, whatever is away.
    const over = ['idle', 'failed'].includes(state)
    const time =
      since === null ? 'not run yet' : runs ? `since ${dayText(since)}` : end === null ? '' : dayText(end)
    const name = h(
      'button',
      { type: 'button', class: 'link', 'data-key': `show ${op}`, click: () => showOp(instance, view) },
      op,
    )
    const wanted = runs ? (kind === 'process' ? 'stop' : 'abort') : 'start'
    const button =
      kind !== null &&
      // Agents of another site are operated there.
      !isElsewhere(instance) &&
      this.#mayOperate() &&
      h(
        'button',
        {
          type: 'button',
          class: 'act',
          'data-key': `act ${op}`,
          'aria-label': `${wanted} ${instance} ${op}`,
          click: () => void act(wanted, instance, op),
        },
        `${wanted[0]?.toUpperCase()}${wanted.slice(1)}`,
      )
    return h(
      'li',
      { class: `op ${state}` },
      name,
      over ? h('span', { class: `badge ${state}` }, state) : this.#badge(state, state, agent !== 'away'),
      h('span', { class: 'time' }, time),
      button,
      message !== null && h('span', { class: 'message', title: message }, message),
    )
  }

  #badge(state: string, text: string, known = true): HTMLElement {
    return this.#known && known
      ? h('span', { class: `badge ${state}` }, text)
      : h('span', { class: 'badge' }, NOT_KNOWN)
  }

  #ages(): void {
    for (const card of this.#cards.values()) this.#age(card)
  }

  #age({ beat, view }: Card): void {
    say(beat, view.beat === null ? '' : `♥ ${agoText(view.beat)} ago`)
  }
}

/** Shown as the state of agents and recorders while it is unknown. */
export const NOT_KNOWN = 'not known'
const STATES = {
  online: 'online',
  offline: 'offline',
  lost: 'lost',
  absent: 'not running',
  away: 'away',
} as const

/**
 * Missing agents first, agents stopped on purpose last; within these instruments, then recorders, then data
 * nodes.
 */
function rank({ state, node, recorder }: AgentView): number {
  const order = { lost: 0, absent: 0, online: 3, away: 6, offline: 6 }[state]
  return order + (node !== null ? 2 : recorder !== null ? 1 : 0)
}
