import { get, post } from './connection.ts'
import { closeDialog, openDialog } from './dialog.ts'
import { byId, h, toast } from './dom.ts'
import { messageOf } from './messages.ts'
import type { Me } from './shape.ts'

const NOBODY: Me = { user: null, role: null, users: false, grafana: null }
const COMMAND = 'ocs bridge passwd NAME --role operator'

/** Who has signed in, and how one does. */
export class Account {
  me: Me = NOBODY
  readonly #onChange: (me: Me) => void

  constructor(onChange: (me: Me) => void) {
    this.#onChange = onChange
  }

  get mayOperate(): boolean {
    return this.me.role === 'operator'
  }

  /** Asks the bridge who this is. */
  async ask(): Promise<void> {
    try {
      this.me = await get<Me>('/page/me')
    } catch {
      return
    }
    this.#show()
    this.#onChange(this.me)
  }

  #show(): void {
    const { user, role, users } = this.me
    const place = byId('account')
    if (user !== null) {
      const leave = h('button', { type: 'button', click: () => void this.#leave() }, 'Sign out')
      place.replaceChildren(h('span', {}, `${user} (${role})`), leave)
    } else if (users) {
      place.replaceChildren(h('button', { type: 'button', click: () => this.#signIn() }, 'Sign in'))
    } else {
      place.replaceChildren(h('button', { type: 'button', click: () => this.#explain() }, 'Read-only'))
    }
  }

  #explain(): void {
    openDialog('Read-only', [
      h('p', {}, 'Nobody can operate from this page, as the bridge knows no users. On its machine, add one:'),
      h('pre', {}, COMMAND),
      h('p', {}, 'Then load this page anew and sign in.'),
    ])
  }

  #signIn(): void {
    const name = h('input', { id: 'name', autocomplete: 'username', required: true, autocapitalize: 'none' })
    const password = h('input', {
      id: 'password',
      type: 'password',
      autocomplete: 'current-password',
      required: true,
    })
    const fault = h('p', { class: 'fault', role: 'alert' })
    const enter = h('button', { type: 'submit', class: 'primary' }, 'Sign in')
    const submit = async (event: Event) => {
      event.preventDefault()
      enter.disabled = true
      try {
        await post('/page/sign-in', { name: name.value, password: password.value })
        closeDialog()
        await this.ask()
        toast(`signed in as ${this.me.user} (${this.me.role})`)
      } catch (error) {
        fault.textContent = messageOf(error)
        password.value = ''
        password.focus()
      } finally {
        enter.disabled = false
      }
    }
    const plain =
      !isSecureContext &&
      h(
        'p',
        { class: 'fault' },
        'This connection is not encrypted: others on the network can read the password.',
      )
    const form = h(
      'form',
      { submit: (event) => void submit(event) },
      ...(plain ? [plain] : []),
      h('label', { for: 'name' }, 'Name'),
      name,
      h('label', { for: 'password' }, 'Password'),
      password,
      fault,
      h('footer', {}, enter),
    )
    openDialog('Sign in', [form])
    name.focus()
  }

  async #leave(): Promise<void> {
    await post('/page/sign-out', {}).catch((error) => toast(messageOf(error), true))
    await this.ask()
  }
}
