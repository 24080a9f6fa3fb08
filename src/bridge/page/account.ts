import { showAudit } from './audit.ts'
import { get, post } from './connection.ts'
import { closeDialog, openDialog } from './dialog.ts'
import { byId, h, toast } from './dom.ts'
import { messageOf } from './messages.ts'
import type { Me } from './shape.ts'

const NOBODY: Me = {
  user: null,
  role: null,
  mayOperate: false,
  mayRead: true,
  maySignIn: false,
  grafana: null,
}
const COMMAND = 'ocs hub passwd NAME --role operator:1'

/** The person who has signed in, and the sign-in form. */
export class Account {
  me: Me = NOBODY
  readonly #onChange: (me: Me) => void

  constructor(onChange: (me: Me) => void) {
    this.#onChange = onChange
  }

  get mayOperate(): boolean {
    return this.me.mayOperate
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
    if (!this.me.mayRead && this.me.maySignIn && !byId<HTMLDialogElement>('dialog').open) this.#signIn()
  }

  #show(): void {
    const { user, role, maySignIn } = this.me
    const place = byId('account')
    // Not redrawn without a change, so that a focused button keeps the focus.
    const shown = JSON.stringify([user, role, maySignIn])
    if (place.dataset['shown'] === shown) return
    place.dataset['shown'] = shown
    if (user !== null) {
      const leave = h('button', { type: 'button', click: () => void this.#leave() }, 'Sign out')
      const audit = h('button', { type: 'button', click: () => void showAudit() }, 'Who did what')
      const own = h('span', {}, role === null ? user : `${user} (${role})`)
      place.replaceChildren(own, ...(role === 'admin' ? [audit] : []), leave)
    } else if (maySignIn) {
      place.replaceChildren(h('button', { type: 'button', click: () => this.#signIn() }, 'Sign in'))
    } else {
      place.replaceChildren(h('button', { type: 'button', click: () => this.#explain() }, 'Read-only'))
    }
  }

  #explain(): void {
    openDialog('Read-only', [
      h('p', {}, 'This connection is not encrypted, so no password is taken. Forward the port by ssh:'),
      h(
        'pre',
        {},
        `ssh -N -L ${location.port || '80'}:localhost:${location.port || '80'} ${location.hostname}`,
      ),
      h('p', {}, 'Or give the bridge a certificate, and use https.'),
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
        // Requests that were refused before are repeated.
        if (!this.me.mayRead) return location.reload()
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
    const form = h(
      'form',
      { submit: (event) => void submit(event) },
      h('label', { for: 'name' }, 'Name'),
      name,
      h('label', { for: 'password' }, 'Password'),
      password,
      fault,
      h(
        'p',
        { class: 'note' },
        'Accounts are those of the hub; to add one, run there: ',
        h('code', {}, COMMAND),
      ),
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
