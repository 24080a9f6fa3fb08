import { dayText } from './clock.ts'
import { byId, h } from './dom.ts'
import { act } from './op-detail.ts'
import { type AgentView, type EventView, isElsewhere, type Me } from './shape.ts'

/** Maximum number of listed events, the newest. */
const LISTED = 100

/** Lists what has happened, the newest first. */
export function showEvents(events: readonly EventView[]): void {
  const list = events.slice(-LISTED).toReversed()
  const place = byId('events')
  // It scrolls, so it must be reachable by keyboard.
  place.tabIndex = 0
  place.replaceChildren(
    ...(list.length > 0
      ? list.map(({ time, level, instance, text }) =>
          h(
            'li',
            { class: level },
            h('time', { datetime: new Date(time * 1000).toISOString() }, dayText(time)),
            level !== 'info' && h('strong', {}, ` ${level}`),
            h('b', {}, ` ${instance}`),
            ` ${text}`,
          ),
        )
      : [h('li', {}, 'Nothing has happened in the last 6 h.')]),
  )
}

/** Shows the active alarms at the top of the page; an operator can acknowledge one, or silence its calls. */
export function showAlarms(agents: readonly AgentView[], { user, mayOperate }: Me): void {
  const alarms = agents.flatMap(({ instance, alarms: list }) => list.map((alarm) => ({ instance, ...alarm })))
  const place = byId('alarms')
  const lines = alarms.map(({ instance, name, text, since, acknowledged, silencedUntil }) => {
    const words = [
      `${name}${text === '' ? '' : `: ${text}`}${since === null ? '' : ` (since ${dayText(since)})`}`,
      acknowledged === null ? '' : `, acknowledged by ${acknowledged}`,
      silencedUntil === null ? '' : `, silenced until ${dayText(silencedUntil)}`,
    ]
    const open = mayOperate && !isElsewhere(instance)
    return {
      instance,
      name,
      text: words.join(''),
      ack: open && acknowledged === null,
      silence: open && silencedUntil === null,
    }
  })
  // Updated only on change: a screen reader reads it each time.
  const shown = JSON.stringify(lines)
  if (place.dataset['shown'] === shown) return
  place.dataset['shown'] = shown
  place.hidden = lines.length === 0
  const button = (label: string, op: string, instance: string, alarm: string) =>
    h(
      'button',
      {
        type: 'button',
        'aria-label': `${label} ${alarm}`,
        click: () => void act('start', instance, op, { alarm, by: user }),
      },
      label,
    )
  place.replaceChildren(
    h('strong', {}, 'Alarm'),
    h(
      'ul',
      {},
      ...lines.map(({ instance, name, text, ack, silence }) =>
        h(
          'li',
          {},
          h('span', {}, text),
          ack && button('Acknowledge', 'acknowledge', instance, name),
          silence && button('Silence', 'silence', instance, name),
        ),
      ),
    ),
  )
}
