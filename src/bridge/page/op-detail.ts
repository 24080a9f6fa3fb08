import { dayText } from './clock.ts'
import { get } from './connection.ts'
import { openDialog } from './dialog.ts'
import { h, say, toast } from './dom.ts'
import { messageOf } from './messages.ts'
import { askToAct } from './op-form.ts'
import type { AgentDetail, OpView } from './shape.ts'

/** Milliseconds between two looks at a session while it is open. */
const LOOK_MS = 2000

type Detail = AgentDetail['ops'][number]

async function detailOf(instance: string, op: string): Promise<Detail> {
  const { ops } = await get<AgentDetail>(`/page/agents/${encodeURIComponent(instance)}`)
  const found = ops.find((one) => one.op === op)
  if (!found) throw new Error(`${instance} has no operation ${op} just now`)
  return found
}

/** Shows the latest session of an operation, kept up to date while it is open. */
export function showOp(instance: string, { op, by }: OpView): void {
  const about = h('p', { class: 'note' })
  const params = h('pre', { tabindex: '0', 'aria-label': 'Parameters' })
  const messages = h('ol', { class: 'messages' })
  const data = h('pre', { tabindex: '0', 'aria-label': 'Data' })
  const parts = [
    [h('h3', {}, 'Started with'), params],
    [h('h3', {}, 'Messages'), messages],
    [h('h3', {}, 'Data'), data],
  ] as const
  const look = async () => {
    try {
      const detail = await detailOf(instance, op)
      say(
        about,
        `${detail.help} (${detail.kind})${by === null ? ' It has not run yet.' : ` Started by ${by}.`}`,
      )
      say(params, detail.params ?? '')
      say(data, detail.data ?? '')
      const list = detail.messages.toReversed().map(([time, text]) => `${dayText(time)} ${text}`)
      if (messages.dataset['shown'] !== list.join('\n'))
        messages.replaceChildren(...list.map((text) => h('li', {}, text)))
      messages.dataset['shown'] = list.join('\n')
      const empty = [detail.params === null, detail.messages.length === 0, detail.data === null]
      for (const [i, pair] of parts.entries()) for (const element of pair) element.hidden = empty[i] ?? true
    } catch (error) {
      say(about, messageOf(error))
    }
  }
  for (const pair of parts) for (const element of pair) element.hidden = true
  const timer = setInterval(() => void look(), LOOK_MS)
  openDialog(`${instance} ${op}`, [about, ...parts.flat()], () => clearInterval(timer))
  void look()
}

/** Asks for parameters and acts. */
export async function act(action: 'start' | 'stop' | 'abort', instance: string, op: string): Promise<void> {
  try {
    const { help, parameters } = await detailOf(instance, op)
    askToAct(action, { instance, op, help, parameters })
  } catch (error) {
    toast(messageOf(error), true)
  }
}
