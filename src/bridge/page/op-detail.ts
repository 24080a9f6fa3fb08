import { dayText, durationText } from './clock.ts'
import { get } from './connection.ts'
import { openDialog } from './dialog.ts'
import { h, say, toast } from './dom.ts'
import { messageOf } from './messages.ts'
import { askToAct } from './op-form.ts'
import type { AgentDetail, OpView } from './shape.ts'

/** Milliseconds between two updates of a session while it is open. */
const LOOK_MS = 2000

type Detail = AgentDetail['ops'][number]

async function detailOf(instance: string, op: string): Promise<Detail> {
  const { ops } = await get<AgentDetail>(`/page/agents/${encodeURIComponent(instance)}`)
  const found = ops.find((one) => one.op === op)
  if (!found) throw new Error(`${instance} has no operation ${op} at the moment`)
  return found
}

/** Shows the latest session of an operation, updated while it is open. */
export function showOp(instance: string, { op }: Pick<OpView, 'op'>): void {
  const about = h('p', { class: 'note' })
  const state = h('p', { role: 'status' })
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
        `${detail.help} (${detail.kind})${detail.now.by === null ? ' It has not run yet.' : ` Started by ${detail.now.by}.`}`,
      )
      say(state, stateText(detail.now))
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
  openDialog(`${instance} ${op}`, [about, state, ...parts.flat()], () => clearInterval(timer))
  void look()
}

/** What an operation is doing, or how it ended, as text. */
function stateText({ state, since, end, message }: OpView): string {
  if (since === null) return ''
  const told = message === null ? '' : `: ${message}`
  if (end === null) return `${state} since ${dayText(since)}${told}`
  return `${state === 'failed' ? 'failed' : 'done'} at ${dayText(end)}, after ${durationText(end - since)}${told}`
}

/**
 * Asks for parameters, acts, and shows the result.
 * @param given the values filled in; by default the instrument's present ones, if declared, or those it was
 * last started with
 */
export async function act(
  action: 'start' | 'stop' | 'abort',
  instance: string,
  op: string,
  given?: Readonly<Record<string, unknown>>,
): Promise<void> {
  try {
    const { help, parameters, params } = await detailOf(instance, op)
    const told = parameters.filter(({ present }) => present !== null)
    const now = Object.fromEntries(told.map(({ name, present }) => [name, present]))
    const present = given ?? { ...presentOf(params), ...now }
    const done = () => action === 'start' && showOp(instance, { op })
    askToAct(action, { instance, op, help, parameters, present, done })
  } catch (error) {
    toast(messageOf(error), true)
  }
}

/** Parameters of the latest session; none if its text was truncated. */
function presentOf(params: string | null): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(params ?? '{}') ?? {}) as Record<string, unknown>
  } catch {
    return {}
  }
}
