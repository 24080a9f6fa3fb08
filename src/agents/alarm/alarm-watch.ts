import { z } from 'zod'
import type { AlarmSettings } from '../../core/alarm-rules.ts'
import type { AlarmsData, AlarmView } from '../../core/alarms.ts'
import { OpError } from '../../core/errors.ts'
import type { Blocks, FeedPublisher } from '../../core/feed-spec.ts'
import type { Lab } from '../../core/lab.ts'
import { fieldOf, notFound } from '../../core/names.ts'
import { pause } from '../../core/pause.ts'
import { type Notice, perform } from './alarm-actions.ts'
import { Call, Calls } from './alarm-notifier.ts'
import { AlarmBook, type BookClock, type Change, KeptBook, systemTime } from './alarm-store.ts'

const NONE: AlarmSettings = { mail: undefined, actions: [], rules: [] }
/** Bytes of the session's data at most by the number of alarms it lists. */
const SHOWN = 200
/** Monotonic ms between two recordings of what has not changed. */
const RECORD_MS = 60_000
const STATE_HELP = '0 clear, 1 pending, 2 active, 3 acknowledged, 4 over but latched'

/** The state that outlives the process. */
const Kept = KeptBook.extend({ calls: z.array(Call) })

/** The alarms of a lab with the calls they make: what the operations of the alarm agent share. */
export class AlarmWatch {
  readonly settings: AlarmSettings
  readonly book: AlarmBook
  readonly calls: Calls
  readonly #lab: Lab
  readonly #clock: BookClock
  #feed: FeedPublisher | undefined
  #declared = ''
  readonly #written = new Map<string, { readonly state: number; readonly at: number }>()

  constructor(lab: Lab, clock = systemTime) {
    this.#lab = lab
    this.#clock = clock
    this.settings = lab.site?.alarms ?? NONE
    const { actions, mail, rules } = this.settings
    this.book = new AlarmBook(clock, (change) => this.#changed(change))
    this.calls = new Calls(actions, {
      perform: (action, notice, signal) => perform(action, notice, mail, signal),
      wall: clock.wall,
      sleep: pause,
      isHeld: (name) => this.book.isSilenced(name),
      changed: () => this.save(),
      givenUp: (action, { name }, why) =>
        lab.event('error', 'alarm-call', `${action}: nobody was notified of ${name}, gave up: ${why}`),
      log: lab.log,
    })
    const kept = lab.memory.load()
    const known = Kept.safeParse(kept)
    if (known.success) {
      this.book.restore(known.data, rules)
      this.calls.restore(known.data.calls)
    } else if (kept !== undefined)
      lab.event('warning', 'alarm', 'the stored state of the alarms cannot be read: all alarms start again')
  }

  /** Keeps all that must outlive the process; on disk for `kill -9` at once. */
  save(): void {
    this.#lab.memory.save({ ...this.book.kept, calls: this.calls.waiting })
  }

  /** Acknowledges alarms, which stops their calls. */
  acknowledge(which: string, by: string, text: string): string {
    const names = this.book.acknowledge(which, by, text)
    // The end of an alarm that was over is still reported.
    for (const name of names) this.calls.drop(name, 'raised')
    this.save()
    const said = `${names.join(', ')}: acknowledged by ${by}${text && `: ${text}`}`
    this.#lab.event('info', 'alarm', said)
    return said
  }

  silence(which: string, seconds: number, by: string): string {
    const until = this.book.silence(which, seconds)
    this.calls.nudge()
    this.save()
    const said = `${which}: silenced by ${by} until ${new Date(until * 1000).toISOString().slice(0, 19)}Z`
    this.#lab.event('info', 'alarm', said)
    return said
  }

  unsilence(which: string, by: string): string {
    this.book.unsilence(which)
    this.calls.nudge()
    this.save()
    const said = `${which}: no longer silenced, by ${by}`
    this.#lab.event('info', 'alarm', said)
    return said
  }

  /** Runs an action once, now, with a test notice. @throws OpError with the reason when it fails */
  async test(name: string, signal: AbortSignal): Promise<string> {
    const action = this.calls.find(name)
    if (!action) throw new OpError(notFound('no action', name, this.calls.names))
    const nothing = { target: 'nothing', units: '', value: null, since: null, ended: null, count: 0 }
    const about = {
      name: 'test',
      rule: 'test',
      severity: 'warning',
      text: `a test of ${name}: nothing is wrong`,
    }
    try {
      await this.calls.once(
        action,
        { ...this.#head('test', crypto.randomUUID()), ...nothing, ...about },
        signal,
      )
    } catch (cause) {
      throw new OpError(`${name}: ${(cause as Error).message}`, { cause })
    }
    return `${name}: done`
  }

  /** The session's data. */
  get data(): AlarmsData {
    const list = this.book.list()
    const raised = list.filter(({ state }) => state === 'active' || state === 'latched')
    return {
      alarms: raised.slice(0, SHOWN),
      recent: [...this.book.recent],
      rules: this.settings.rules.length,
      watched: list.length,
      actions: this.calls.state,
    }
  }

  /** Blocks of the feed: a block an alarm, and one of totals. */
  get blocks(): Blocks {
    const alarms = this.book.list().sort((a, b) => a.name.localeCompare(b.name))
    const blocks = alarms.map(({ name, units, target }) => {
      const field = fieldOf(name)
      const value = { ...(units && { units }), description: target }
      return [
        field,
        { [`${field}_state`]: { type: 'int', description: STATE_HELP }, [`${field}_value`]: value },
      ] as const
    })
    const totals = {
      alarms_raised: { type: 'int', description: 'alarms that are raised now' },
      warnings_raised: { type: 'int', description: 'warnings that are raised now' },
      calls_waiting: { type: 'int', description: 'calls still to make' },
    }
    return { ...Object.fromEntries(blocks), _totals: totals } as Blocks
  }

  /** Records what has changed, and everything once a minute. */
  record(feed: FeedPublisher): void {
    this.#feed = feed
    const declared = JSON.stringify(this.blocks)
    if (declared !== this.#declared) feed.redeclare()
    this.#declared = declared
    const list = this.book.list()
    for (const alarm of list) this.#recordOne(alarm)
    const raised = list.filter(({ state }) => state === 'active' || state === 'latched')
    const alarms = raised.filter(({ severity }) => severity === 'alarm').length
    const waiting = this.calls.waiting.length
    this.#write('_totals', alarms * 1e6 + (raised.length - alarms) * 1e3 + waiting, {
      alarms_raised: alarms,
      warnings_raised: raised.length - alarms,
      calls_waiting: waiting,
    })
  }

  #recordOne({ name, state, acknowledged, value }: AlarmView): void {
    const field = fieldOf(name)
    const code = { clear: 0, pending: 1, active: acknowledged ? 3 : 2, latched: 4 }[state]
    this.#write(field, code, { [`${field}_state`]: code, [`${field}_value`]: value ?? Number.NaN })
  }

  #write(block: string, state: number, values: Record<string, number>): void {
    const last = this.#written.get(block)
    const now = this.#clock.now()
    if (last?.state === state && now - last.at < RECORD_MS) return
    this.#written.set(block, { state, at: now })
    this.#feed?.publish(block, this.#clock.wall(), values)
  }

  #changed({ what, alarm, rule }: Change): void {
    const { name, severity, text } = alarm
    if (what === 'raised') {
      this.#call('raised', alarm, rule.actions)
      this.#lab.event(severity === 'alarm' ? 'error' : 'warning', 'alarm', `${name}: ${text}`)
    } else if (what === 'latched') {
      this.#lab.event('info', 'alarm', `${name}: over; latched until it is acknowledged`)
    } else {
      // A silenced alarm makes no call for its end either, now or later.
      if (alarm.silenced_until !== null) this.calls.drop(name)
      else this.#call('cleared', alarm, rule.actions)
      this.#lab.event('info', 'alarm', `${name}: over`)
    }
    this.save()
    // The first recording waits until what there is to record is known.
    if (this.#feed) this.record(this.#feed)
  }

  #call(what: 'raised' | 'cleared', alarm: AlarmView, wanted: readonly string[] | undefined): void {
    const { name, rule, target, severity, text, value, units, since, ended, count } = alarm
    const id = `${name}-${count}-${Math.round((since ?? 0) * 1000)}-${what}`
    const notice: Notice = {
      ...this.#head(what, id),
      ...{ name, rule, target, severity, text, value, units, since, ended, count },
    }
    for (const action of this.settings.actions) {
      if (wanted && !wanted.includes(action.name)) continue
      if (what === 'raised' || action.clear) this.calls.add(action.name, notice)
    }
  }

  #head(what: Notice['what'], id: string): Pick<Notice, 'id' | 'what' | 'from' | 'time'> {
    return { id, what, from: `${this.#lab.root}.${this.#lab.instance}`, time: this.#clock.wall() }
  }
}
