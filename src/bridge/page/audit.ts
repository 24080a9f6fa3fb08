import { dayText } from './clock.ts'
import { get } from './connection.ts'
import { openDialog } from './dialog.ts'
import { h, toast } from './dom.ts'
import { messageOf } from './messages.ts'
import type { AuditView } from './shape.ts'

/** Shows an administrator what the hub has allowed, refused and truncated, the newest first. */
export async function showAudit(): Promise<void> {
  let entries: readonly AuditView[]
  try {
    entries = await get<AuditView[]>('/page/audit')
  } catch (error) {
    return toast(messageOf(error), true)
  }
  const list = h(
    'ol',
    // It scrolls, so it must be reachable by keyboard.
    { class: 'events', tabindex: 0 },
    ...entries
      .toReversed()
      .map(({ time, kind, principal, client, from, instance, what, params, why }) =>
        h(
          'li',
          { class: kind === 'refused' || kind === 'revoked' ? 'warning' : 'info' },
          h('time', { datetime: new Date(time * 1000).toISOString() }, dayText(time)),
          h('b', {}, ` ${principal || 'somebody'}`),
          ` ${[kind, instance, what, params, why].filter((word) => word !== undefined).join(' ')}`,
          h('small', {}, ` ${client}, ${from}`),
        ),
      ),
  )
  openDialog('Who did what', [entries.length > 0 ? list : h('p', {}, 'No entries.')])
}
