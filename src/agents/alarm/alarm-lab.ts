import type { Rule, RuleOf } from '../../core/alarm-rules.ts'
import { counted } from '../../core/counted.ts'
import { messageOf } from '../../core/errors.ts'
import { glob } from '../../core/glob.ts'
import type { LabAgents, LabSite } from '../../core/lab.ts'
import { stateOf, toldOf } from '../../core/ops.ts'
import { RECORD, recordingOf } from '../../core/recording/recording.ts'
import { waitingRows } from '../../core/recording/waiting-rows.ts'
import { freeSpace } from '../../machine/free-space.ts'
import recorder from '../aggregator.ts'
import { digits, judge } from './alarm-conditions.ts'
import { type AlarmBook, isOpen, patternOf, type Verdict } from './alarm-store.ts'

/** Seconds that an agent has to announce itself before it counts as missing. */
const GRACE = 10
const GB = 1e9
/** The recorder's class, in every spelling. */
const RECORDERS: readonly string[] = [recorder.spec.class, ...(recorder.spec.aliases ?? [])]
const UNKNOWN: Verdict = { is: 'unknown', text: '' }

type View = LabAgents['instances'] extends ReadonlyMap<string, infer V> ? V : never

/** Judges agents, operations, recorders, disks and spools by the rules that watch them. */
export class LabLook {
  readonly #own: string
  readonly #rules: readonly Rule[]
  readonly #site: LabSite | undefined
  readonly #agents: LabAgents
  readonly #book: AlarmBook
  readonly #now: () => number
  readonly #begun: number
  /** Monotonic ms since which a recorder has had rows to fetch. */
  readonly #behindSince = new Map<string, number>()
  /** Bytes free by folder, or why they are unknown. */
  readonly #free = new Map<string, number | string>()

  constructor(
    own: string,
    rules: readonly Rule[],
    from: { readonly site: LabSite | undefined; readonly agents: LabAgents },
    book: AlarmBook,
    now: () => number,
  ) {
    this.#own = own
    this.#rules = rules
    this.#site = from.site
    this.#agents = from.agents
    this.#book = book
    this.#now = now
    this.#begun = now()
  }

  /** Asks the folders of this machine how much room they have; a file system that hangs holds up nothing else. */
  async askDisks(): Promise<void> {
    const folders = this.#rules.flatMap((rule) => (rule.kind === 'disk' && rule.folder ? [rule.folder] : []))
    const ask = async (folder: string) => {
      const free = await freeSpace(folder).then(
        ({ bytes }) => bytes,
        (error: unknown) => messageOf(error),
      )
      this.#free.set(folder, free)
    }
    await Promise.all([...new Set(folders)].map(ask))
  }

  /** Judges everything once. */
  look(): void {
    const { instances } = this.#agents
    for (const rule of this.#rules) {
      if ('field' in rule) continue
      for (const [target, verdict, units] of this.#judge(rule, instances)) {
        this.#book.know(rule, target, units)
        this.#book.update(rule, target, verdict)
      }
    }
  }

  #judge(rule: Rule, all: LabAgents['instances']): (readonly [target: string, Verdict, units?: string])[] {
    switch (rule.kind) {
      case 'op':
        return this.#ops(rule, all).map((op) => [op, opVerdict(rule, op, all)])
      case 'agent':
        return this.#targets(rule, all).map((name) => [name, this.#agent(rule, name, all.get(name))])
      case 'recorder':
        return this.#recorders(rule, all).map((name) => [
          name,
          this.#recorder(rule, name, all.get(name)),
          'rows',
        ])
      case 'spool':
        return this.#targets(rule, all).map((name) => [name, spoolVerdict(rule, name, all.get(name)), 'rows'])
      case 'disk':
        if (rule.folder !== undefined)
          return [[rule.folder, diskVerdict(rule, rule.folder, this.#free.get(rule.folder)), 'GB']]
        return this.#recorders(rule, all).map((name) => {
          const { data_dir = '', disk_free } = recordingOf(all.get(name)?.sessions) ?? {}
          const where = `the disk of ${name}${data_dir && ` (${data_dir})`}`
          return [name, diskVerdict(rule, where, disk_free ?? undefined), 'GB']
        })
      default:
        return []
    }
  }

  /** Instances that a rule watches: those present and those in the site file. */
  #targets(rule: Rule, all: LabAgents['instances']): string[] {
    const pattern = patternOf(rule)
    if (pattern !== undefined && !isOpen(rule)) return [pattern]
    const fits = glob(pattern ?? '*')
    const expected = [...(this.#site?.instances ?? [])].filter(([, { isUp }]) => isUp).map(([name]) => name)
    return [...new Set([...all.keys(), ...expected])].filter((name) => name !== this.#own && fits(name))
  }

  #recorders(rule: Rule, all: LabAgents['instances']): string[] {
    const isRecorder = (name: string) => {
      const classes = [this.#site?.instances.get(name)?.agentClass, all.get(name)?.presence?.agent_class]
      return classes.some((agentClass) => agentClass !== undefined && RECORDERS.includes(agentClass))
    }
    return this.#targets(rule, all).filter((name) => patternOf(rule) === name || isRecorder(name))
  }

  #ops(rule: RuleOf<'op'>, all: LabAgents['instances']): string[] {
    if (!isOpen(rule)) return [rule.op]
    const fits = glob(rule.op)
    return [...all]
      .filter(([name]) => name !== this.#own)
      .flatMap(([name, { sessions, api }]) =>
        // Whoever started a task has seen it fail, so tasks are watched only if a rule names them.
        [...sessions.keys()].filter((op) => api?.ops[op]?.kind !== 'task').map((op) => `${name}.${op}`),
      )
      .filter(fits)
  }

  #agent(rule: RuleOf<'agent'>, name: string, view: View | undefined): Verdict {
    if (view?.state === 'online') return { is: 'good', text: `${name} is online` }
    if (!view?.presence) return this.#missing(name)
    if (view.state === 'lost') return { is: 'bad', text: `${name} is lost: it disconnected without notice` }
    // A rule for all agents ignores those that are stopped on purpose and need not run.
    const isMissed = !isOpen(rule) || this.#site?.instances.get(name)?.isUp
    return { is: isMissed ? 'bad' : 'good', text: `${name} is stopped` }
  }

  #recorder(rule: RuleOf<'recorder'>, name: string, view: View | undefined): Verdict {
    if (!view?.presence) return this.#missing(name)
    if (view.state !== 'online') return { is: 'bad', text: `${name} is ${view.state}: nothing is recorded` }
    const session = view.sessions.get(RECORD)
    if (session?.status !== 'running') return { is: 'bad', text: `${name} does not record` }
    const recording = recordingOf(view.sessions)
    if (!recording) return UNKNOWN
    const { behind: value, problem } = recording
    if (problem !== null) return { is: 'bad', text: `${name} cannot write: ${problem}`, value }
    if (value === 0) this.#behindSince.delete(name)
    const since = this.#behindSince.get(name) ?? this.#now()
    if (value > 0) this.#behindSince.set(name, since)
    const age = (this.#now() - since) / 1000
    const text = `${name} is ${counted(value, 'row')} behind`
    if (value >= (rule.rows ?? Infinity)) return { is: 'bad', text, value }
    if (value > 0 && age >= (rule.seconds ?? Infinity))
      return { is: 'bad', text: `${text}, and has been behind for ${Math.round(age)} s`, value }
    return { is: 'good', text: value > 0 ? text : `${name} records`, value }
  }

  /** An agent that has not been seen; at the start that is every agent. */
  #missing(name: string): Verdict {
    if ((this.#now() - this.#begun) / 1000 < GRACE) return UNKNOWN
    return { is: 'bad', text: `${name} does not run` }
  }
}

function opVerdict({ states }: RuleOf<'op'>, target: string, all: LabAgents['instances']): Verdict {
  const [instance = '', op = ''] = target.split('.')
  const view = all.get(instance)
  // The last session says nothing about an agent that is gone; a rule about agents covers that.
  if (view?.state !== 'online') return UNKNOWN
  const session = view.sessions.get(op)
  const state = stateOf(session)
  const is = (states as readonly string[]).includes(state) ? 'bad' : 'good'
  const told = toldOf(session)
  if (state === 'idle') return { is, text: `${target} does not run` }
  if (state !== 'failed' && state !== 'degraded') return { is, text: `${target} runs` }
  return {
    is,
    text: `${target} ${state === 'failed' ? 'has failed' : 'is degraded'}${told && `: ${told}`}`,
  }
}

function spoolVerdict({ rows, clear_rows }: RuleOf<'spool'>, name: string, view: View | undefined): Verdict {
  const feeds = view?.state === 'online' ? view.presence?.feeds : undefined
  if (!feeds) return UNKNOWN
  const waiting = waitingRows(feeds)
  const limits = { high: rows - 1, ...(clear_rows !== undefined && { clear_high: clear_rows }) }
  const { is } = judge(limits, waiting, { says: '', units: '' })
  return {
    is,
    text: `${name} holds ${counted(waiting, 'row that is', 'rows that are')} not recorded`,
    value: waiting,
  }
}

function diskVerdict(
  { free_gb, clear_gb }: RuleOf<'disk'>,
  where: string,
  free: number | string | undefined,
): Verdict {
  if (free === undefined) return UNKNOWN
  if (typeof free === 'string') return { is: 'bad', text: `${where} cannot be checked: ${free}` }
  const gb = free / GB
  const limits = { low: free_gb, ...(clear_gb !== undefined && { clear_low: clear_gb }) }
  const { is } = judge(limits, gb, { says: '', units: '' })
  const text = `${where} has ${digits(gb)} GB free`
  return {
    is,
    text: is === 'bad' ? `${text}, less than ${digits(free_gb)} GB: free some space there` : text,
    value: gb,
  }
}
