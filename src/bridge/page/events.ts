import { dayText } from './clock.ts'
import { byId, h } from './dom.ts'
import type { AgentView, EventView } from './shape.ts'

/** Events that are listed, at most: the newest. */
const LISTED = 100

/** Lists what has happened, the newest first. */
export function showEvents(events: readonly EventView[]): void {
  const list = events.slice(-LISTED).toReversed()
  const place = byId('events')
  // It scrolls: keys have to reach it.
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

/** Says at the top of the page which alarms are on. */
export function showAlarms(agents: readonly AgentView[]): void {
  const alarms = agents.flatMap(({ alarms: list }) => list)
  const place = byId('alarms')
  const lines = alarms.map(({ name, text, since }) => {
    return `${name}${text === '' ? '' : `: ${text}`}${since === null ? '' : ` (since ${dayText(since)})`}`
  })
  // Said anew only when it is another: a screen reader reads it each time.
  if (place.dataset['shown'] === lines.join('\n')) return
  place.dataset['shown'] = lines.join('\n')
  place.hidden = lines.length === 0
  place.replaceChildren(h('strong', {}, 'Alarm'), h('ul', {}, ...lines.map((line) => h('li', {}, line))))
}
