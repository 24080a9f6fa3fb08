import { post } from './connection.ts'
import { closeDialog, openDialog } from './dialog.ts'
import { h, toast } from './dom.ts'
import { messageOf } from './messages.ts'
import type { ParameterView } from './shape.ts'

type Action = 'start' | 'stop' | 'abort'
const TITLES = { start: 'Start', stop: 'Stop', abort: 'Abort' } as const

/** Asks for the parameters of an operation, and for confirmation; then sends the request to the agent. */
export function askToAct(
  action: Action,
  {
    instance,
    op,
    help,
    parameters,
    present = {},
    done = () => {},
  }: {
    readonly instance: string
    readonly op: string
    readonly help: string
    readonly parameters: readonly ParameterView[]
    /** Initial values, by the names of parameters. */
    readonly present?: Readonly<Record<string, unknown>>
    /** Called once the agent has accepted it. */
    readonly done?: () => void
  },
): void {
  const fields = action === 'start' ? parameters.map((one) => field(one, present[one.name])) : []
  const fault = h('p', { class: 'fault', role: 'alert' })
  const enter = h(
    'button',
    { type: 'submit', class: action === 'start' ? 'primary' : 'danger' },
    `${TITLES[action]} ${op}`,
  )
  const submit = async (event: Event) => {
    event.preventDefault()
    enter.disabled = true
    fault.textContent = ''
    try {
      const params = Object.fromEntries(fields.flatMap(({ read }) => read()))
      const { message } = await post<{ message: string }>('/page/op', { instance, op, action, params })
      closeDialog()
      toast(`${instance}: ${message}`)
      done()
    } catch (error) {
      fault.textContent = messageOf(error)
    } finally {
      enter.disabled = false
    }
  }
  const form = h(
    'form',
    { submit: (event) => void submit(event), novalidate: true },
    help ? h('p', { class: 'note' }, help) : null,
    ...fields.map(({ element }) => element),
    fault,
    h('footer', {}, h('button', { type: 'button', click: closeDialog }, 'Cancel'), enter),
  )
  openDialog(`${TITLES[action]} ${instance} ${op}`, [form])
  if (fields.length === 0) enter.focus()
}

interface Field {
  readonly element: HTMLElement
  /** The name with what was typed; empty if it is left to its default. */
  read(): [name: string, value: string | string[]][]
}

/** A form field for a parameter, with the agent's own explanation. */
function field({ name, help, takes, required, choices, many }: ParameterView, present: unknown): Field {
  const id = `param-${name}`
  const about = `about-${name}`
  const common = { id, 'aria-describedby': about, 'aria-required': required && 'true' }
  const label = h('label', { for: id }, name, required && h('span', { class: 'required' }, ' required'))
  const note = h('p', { id: about, class: 'note' }, `${many ? `${takes}, a line each. ` : ''}${help}`)
  if (choices.length > 0) {
    const chosen = textOf(present)
    const options = choices.map((choice) =>
      h('option', { value: choice, selected: choice === chosen }, choice),
    )
    const select = h('select', common, h('option', { value: '' }, '–'), ...options)
    return wrapped(label, select, note, () => (select.value === '' ? [] : [[name, select.value]]))
  }
  if (many || takes === 'object') {
    const lines = Array.isArray(present) && many ? present.map(textOf).join('\n') : textOf(present)
    const area = h('textarea', { ...common, rows: 4, spellcheck: 'false' }, lines)
    return wrapped(label, area, note, () => {
      const lines = area.value.split('\n').filter((line) => line.trim() !== '')
      return lines.length === 0 ? [] : [[name, many ? lines : area.value]]
    })
  }
  const numeric = /^(number|integer)/.test(takes)
  const input = h('input', {
    ...common,
    inputmode: numeric ? 'text' : null,
    autocomplete: 'off',
    placeholder: takes,
    value: textOf(present),
  })
  return wrapped(label, input, note, () => (input.value === '' ? [] : [[name, input.value]]))
}

/** A value as one would type it. */
function textOf(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function wrapped(label: HTMLElement, input: HTMLElement, note: HTMLElement, read: Field['read']): Field {
  return { element: h('div', { class: 'field' }, label, input, note), read }
}
