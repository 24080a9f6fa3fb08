import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Bus } from '../bus/bus.ts'
import { channels, type FeedDeclaration, type Row } from '../core/channels.ts'
import { stateOf } from '../core/ops.ts'
import { recordingOf } from '../core/recording/recording.ts'
import type { Child, Role } from '../host/children.ts'
import { clockText } from '../lab/clock-text.ts'
import type { LabView } from '../lab/lab-view.ts'
import { notRecording } from '../lab/not-recording.ts'
import { listeners } from '../machine/listeners.ts'
import { ownName } from '../machine/own-name.ts'
import type { Context } from '../terminal/context.ts'
import { fold } from '../terminal/fold.ts'
import { stamp } from '../terminal/log.ts'
import { reading } from '../terminal/readings.ts'
import { listed, Redraw } from '../terminal/redraw.ts'
import { table } from '../terminal/table.ts'
import { BRIDGE_PORT, HUB_PORTS } from './demo-roles.ts'

/** Milliseconds between redraws on a terminal. */
const DRAW_MS = 1000
/**
 * Milliseconds after which the table is printed, if the output is not a terminal, although some roles are
 * still starting.
 */
const PATIENCE_MS = 8000
/** The widest column of names before the readings. */
const INDENT = 25

interface Shown {
  readonly root: string
  readonly idle: boolean
  readonly dir: string
  readonly children: readonly Child[]
}

/** The demo's display: the roles with their state, where to look, and readings as they come. */
export class DemoScreen {
  readonly #context: Context
  readonly #shown: Shown
  /** The newest row of each kind. */
  readonly #latest = new Map<string, { readonly declaration: FeedDeclaration; readonly row: Row }>()
  readonly #redraw: Redraw
  readonly #complained = new Set<string>()
  readonly #began = performance.now()
  #connected = true
  /** The last reported reason why nothing is recorded. */
  #recording: string | undefined

  constructor(context: Context, shown: Shown) {
    this.#context = context
    this.#redraw = new Redraw(context)
    this.#shown = shown
  }

  /**
   * Displays until the signal. On a terminal the table is redrawn; elsewhere it is printed once, with the
   * first reading of each kind, and each change of whether data are recorded.
   * @param ready called when all roles are running
   */
  async run(bus: Bus, lab: LabView, signal: AbortSignal, ready = () => {}): Promise<void> {
    const { root } = this.#shown
    const { terminal } = this.#context
    let first = true
    await using _ = await bus.subscribe(channels.feed, { root }, (row, { instance, feed }) => {
      const declaration = lab.of(instance)?.api?.feeds[feed]
      if (!declaration) return
      const kind = `${instance}/${row.block}`
      const isFirst = !this.#latest.has(kind)
      this.#latest.set(kind, { declaration, row })
      if (terminal || !isFirst) return
      const at = stamp(new Date((row.t.at(-1) ?? 0) * 1000))
      this.#context.out(`${at} ${instance} ${reading(declaration, row)}\n`)
    })
    using _watch = bus.onConnected((connected) => {
      this.#connected = connected
    })
    await new Promise<void>((resolve) => {
      const draw = () => {
        for (const child of this.#shown.children) this.#complain(child)
        if (terminal) this.#draw(lab)
        if (!terminal && !first) this.#tellRecording(lab)
        if (!first || !this.#ready(lab)) return
        first = false
        if (!terminal) {
          this.#recording = this.#whyNot(lab)
          this.#context.err(this.#roles(lab))
        }
        ready()
      }
      const timer = setInterval(draw, DRAW_MS)
      signal.addEventListener('abort', () => {
        clearInterval(timer)
        resolve()
      })
    })
  }

  /**
   * Roles that have ended but run again: somebody has started them by hand, so the demo does not stop them.
   */
  byHand(lab: LabView): string[] {
    return this.#shown.children
      .filter((child) => child.ended !== undefined && this.#isBack(lab, child))
      .map(({ role }) => role.name)
  }

  #complain({ role, ended, log }: Child): void {
    if (ended === undefined || this.#complained.has(role.name)) return
    this.#complained.add(role.name)
    const command = `${ownName()} ${role.args.join(' ')}`
    this.#context.err(
      `${stamp(new Date())} ${role.name} ended (${ended}): see ${log}. To run it again: ${command}\n`,
    )
    this.#redraw.leave()
  }

  /** Whether every agent is online and the recorder has begun a file, or that takes too long. */
  #ready(lab: LabView): boolean {
    if (performance.now() - this.#began > PATIENCE_MS) return true
    if (!this.#shown.idle && !currentFile(lab)) return false
    const agents = this.#shown.children.filter(({ role }) => role.args[0] === 'agent')
    return agents.every(
      ({ role, ended }) => ended !== undefined || lab.instances.get(role.name)?.state === 'online',
    )
  }

  #roles(lab: LabView): string {
    const { children } = this.#shown
    const rows = children.map((child) => {
      const view = lab.instances.get(child.role.name)
      const known = this.#connected && (child.ended === undefined || this.#isBack(lab, child))
      const ops = [...(known && view ? view.sessions : [])].map(
        ([op, session]) => `${op} ${stateOf(session)}`,
      )
      return [child.role.name, this.#state(lab, child), this.#where(child.role), ops.join(', ')]
    })
    return table([['ROLE', 'STATE', 'WHERE', 'OPERATIONS'], ...rows]) + this.#foot(lab)
  }

  /** Whether a role that ended has been started again by hand. */
  #isBack(lab: LabView, { role, pid }: Child): boolean {
    if (!this.#connected || role.name === 'hub') return this.#connected
    if (role.args[0] !== 'agent') return isServed(this.#where(role))
    const view = lab.instances.get(role.name)
    return view?.state === 'online' && view.presence?.pid !== pid
  }

  #state(lab: LabView, child: Child): string {
    const { role, ended } = child
    if (ended !== undefined && !this.#isBack(lab, child)) return ended
    if (role.args[0] !== 'agent') return 'running'
    if (!this.#connected) return 'no hub'
    const view = lab.of(role.name)
    const clock = view && clockText(view)
    return [view?.state ?? 'starting', ...(clock ? [clock] : [])].join(', ')
  }

  #foot(lab: LabView): string {
    const { dir, idle } = this.#shown
    const why = this.#whyNot(lab)
    const acquiring = [...lab.instances.values()].some(
      ({ sessions }) => sessions.get('acq')?.status === 'running',
    )
    const lines = [
      `${this.#recordingLine(lab, why)}\n`,
      `Live page: http://127.0.0.1:${BRIDGE_PORT}/\n`,
      `Grafana (Graphite): http://127.0.0.1:${BRIDGE_PORT}/graphite\n`,
      `Logs: ${join(dir, 'logs')}\n`,
      idle && !acquiring ? `Nothing is read yet. To start: ${ownName()} ctrl start\n` : '',
      stops(this.byHand(lab)),
    ]
    return lines.join('')
  }

  #whyNot(lab: LabView): string | undefined {
    return this.#connected ? notRecording(lab.instances) : 'the hub is away'
  }

  #recordingLine(lab: LabView, why: string | undefined): string {
    if (why !== undefined) return `NOT RECORDING: ${why}. Agents keep their samples meanwhile.`
    return `Recording to ${currentFile(lab) ?? join(this.#shown.dir, 'data')}`
  }

  #tellRecording(lab: LabView): void {
    const why = this.#whyNot(lab)
    if (why === this.#recording) return
    this.#recording = why
    this.#context.err(`${stamp(new Date())} ${this.#recordingLine(lab, why)}\n`)
  }

  #where(role: Role): string {
    if (role.name === 'hub') return `mqtt://127.0.0.1:${HUB_PORTS.mqtt}  ws://127.0.0.1:${HUB_PORTS.ws}/ws`
    if (role.name === 'bridge') return `http://127.0.0.1:${BRIDGE_PORT}/`
    const at = role.args.findIndex((arg) => arg === '--pty' || arg === '--tcp' || arg === '--port')
    return at < 0 ? '' : (role.args[at + 1] ?? '')
  }

  #draw(lab: LabView): void {
    const { columns, rows } = this.#context.size()
    const latest = [...this.#latest].sort(([a], [b]) => a.localeCompare(b))
    const indent = Math.min(INDENT, 2 + Math.max(0, ...latest.map(([name]) => name.length)))
    const readings = latest.map(([name, { declaration, row }]) =>
      beside(name, reading(declaration, row), { indent, width: columns - 1 }),
    )
    const full = this.#roles(lab).split('\n')
    // A truncated line could end in the middle of a URL.
    const isWhole = full.every((line) => line.length < columns || !line.includes('://'))
    const isFit = isWhole && full.length + readings.flat().length < rows
    const top = isFit ? full : this.#brief(lab, columns - 1)
    const room = rows - 1 - top.length
    // Every instrument gets a line, on a terminal of any size.
    const instances = Map.groupBy(
      latest.map(([name], at) => [name, readings[at] ?? []] as const),
      ([name]) => name.split('/')[0],
    )
    const each = Math.max(1, Math.floor(room / Math.max(1, instances.size)))
    const some = [...instances.values()].flatMap((group) =>
      group.flatMap(([, lines]) => lines).slice(0, each),
    )
    this.#redraw.draw([...top, ...(isFit ? readings.flat() : some)])
  }

  /** The roles in a few lines: healthy ones by name only. */
  #brief(lab: LabView, width: number): string[] {
    const states = this.#shown.children.map((child) => [child.role.name, this.#state(lab, child)] as const)
    const isWell = (state: string) => state === 'running' || state === 'online'
    const well = states.flatMap(([name, state]) => (isWell(state) ? [name] : []))
    const others = states.flatMap(([name, state]) => (isWell(state) ? [] : [`${name}: ${state}`]))
    return [
      ...listed('well:', well, width),
      ...others,
      ...this.#foot(lab)
        .split('\n')
        .filter((line) => line !== ''),
    ]
  }
}

/**
 * Whether something serves at the address of a role without an agent: a port of this machine, or a
 * pseudo-terminal.
 */
function isServed(where: string): boolean {
  const port = /:(\d+)\/?$/.exec(where)?.[1]
  return port === undefined ? existsSync(where) : listeners('self').some((one) => one.port === Number(port))
}

/** A reading beside its name, on as many lines as needed. */
function beside(
  name: string,
  text: string,
  { indent, width }: { readonly indent: number; readonly width: number },
): string[] {
  const lines = fold(text.split('  '), width - indent)
  return lines.map((line, at) => `${(at === 0 ? name : '').padEnd(indent)}${line}`)
}

/** The file that the demo's recorder is writing. */
function currentFile(lab: LabView): string | undefined {
  return recordingOf(lab.instances.get('aggregator')?.sessions)?.current_file ?? undefined
}

function stops(byHand: readonly string[]): string {
  if (byHand.length === 0) return 'Ctrl-C stops everything.\n'
  return `Ctrl-C stops everything except what you started by hand: ${byHand.join(', ')}.\n`
}
