import { z } from 'zod'
import type { Lab, LabAgents } from '../lab.ts'

/** The most instances reported: anybody can invent ids. */
const MOST = 1000
/** The most instances named in a message. */
const NAMED = 5
/** Data directories that from the start only recorded instances of the site file. */
const Begun = z.object({ known_only: z.array(z.string()) })

/** A data directory in use: its UUID, and whether it was empty before. */
interface DataDirectory {
  readonly id: string
  readonly isNew: boolean
  readonly dir: string
}

/**
 * The instances whose feeds a recorder or a sink takes: those of the site file, or all without a site file or
 * on request. Rows of other instances wait in their spools until the site file names these.
 */
export class RecordedInstances {
  readonly #lab: Lab
  readonly #agents: Pick<LabAgents, 'instances'>
  readonly #waiting = new Set<string>()
  /**
   * Those of the refused instances that the lab has shown; an instance that disappears again is forgotten.
   */
  readonly #shown = new Set<string>()
  #everyone: boolean

  /** @param agents the lab's agents, kept up to date */
  constructor(lab: Lab, agents: Pick<LabAgents, 'instances'>, everyone: boolean) {
    this.#lab = lab
    this.#agents = agents
    // Without a site file, or with one that names no instance, all are recorded.
    this.#everyone = everyone || !lab.site || lab.site.instances.size === 0
  }

  /** A data directory that an older ocs began still records everyone in this version, and says so. */
  begin({ id, isNew, dir }: DataDirectory): void {
    if (this.#everyone) return
    const { known_only = [] } = Begun.safeParse(this.#lab.memory.load()).data ?? {}
    if (known_only.includes(id)) return
    if (isNew) {
      this.#lab.memory.save({ known_only: [...known_only, id] } satisfies z.output<typeof Begun>)
      return
    }
    this.#everyone = true
    const why = 'begun by an older ocs, or by a recorder that has moved'
    const text = `${dir} (${why}) also records instances that are not in the site file; the next version will do so only with --record-unknown: add them to the site file, or pass that flag`
    this.#lab.event('warning', 'unknown', text)
  }

  /** Whether an instance is recorded; the first refusal of each is logged. */
  wants(instance: string): boolean {
    if (this.#everyone || this.#isNamed(instance)) {
      if (this.#waiting.delete(instance)) this.#lab.event('info', 'unknown', `${instance} is recorded now`)
      return true
    }
    if (!this.#waiting.has(instance) && this.#waiting.size < MOST) {
      this.#waiting.add(instance)
      const text = `${instance} is not recorded: it is not in the site file; its rows wait in its spool. Add it there, or pass --record-unknown`
      this.#lab.event('warning', 'unknown', text)
    }
    return false
  }

  /**
   * Instances that are not recorded, in order: without those that the site file now names and those that are
   * forgotten.
   */
  get waiting(): string[] {
    const { instances } = this.#agents
    for (const name of [...this.#waiting]) {
      if (instances.has(name)) this.#shown.add(name)
      else if (this.#shown.delete(name)) this.#waiting.delete(name)
    }
    return [...this.#waiting].filter((name) => !this.#isNamed(name)).sort()
  }

  #isNamed(instance: string): boolean {
    return this.#lab.site?.instances.has(instance) === true
  }

  /** A message about the instances that are not recorded; undefined if there are none. */
  get problem(): string | undefined {
    const names = this.waiting
    if (names.length === 0) return undefined
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : ''
    const many = names.length > 1 ? 'are' : 'is'
    return `${names.slice(0, NAMED).join(', ')}${more} ${many} not recorded: not in the site file (--record-unknown records all)`
  }
}
