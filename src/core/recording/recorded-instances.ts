import { z } from 'zod'
import type { Lab, LabAgents } from '../lab.ts'

/** Instances that are told of at most: an id costs nothing. */
const MOST = 1000
/** Those named in a text. */
const NAMED = 5
/** Data directories that were begun with recordings of the site file's instances alone. */
const Begun = z.object({ known_only: z.array(z.string()) })

/** A data directory that is recorded to: its UUID, and whether it had no recordings before. */
interface DataDirectory {
  readonly id: string
  readonly isNew: boolean
  readonly dir: string
}

/**
 * Whose feeds a recorder or a sink takes: the instances of the site file, and all where there is none or it was told so.
 * What others send waits in their spools until the site file names them.
 */
export class RecordedInstances {
  readonly #lab: Lab
  readonly #agents: Pick<LabAgents, 'instances'>
  readonly #waiting = new Set<string>()
  /** Those of them that the lab has shown: one that it shows no more is forgotten. */
  readonly #shown = new Set<string>()
  #everyone: boolean

  /** @param agents the lab's, kept up to date */
  constructor(lab: Lab, agents: Pick<LabAgents, 'instances'>, everyone: boolean) {
    this.#lab = lab
    this.#agents = agents
    // Without a site file, or with one that names nobody, there is nothing to go by.
    this.#everyone = everyone || !lab.site || lab.site.instances.size === 0
  }

  /** A data directory that an older ocs began goes on with everyone, for this version, and says so. */
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

  /** Whether an instance is recorded; the first time one is not, that is told. */
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

  /** Instances that are not recorded, in order: neither those that are named by now, nor those that are forgotten. */
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

  /** What to tell of them; undefined when there are none. */
  get problem(): string | undefined {
    const names = this.waiting
    if (names.length === 0) return undefined
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : ''
    const many = names.length > 1 ? 'are' : 'is'
    return `${names.slice(0, NAMED).join(', ')}${more} ${many} not recorded: not in the site file (--record-unknown records all)`
  }
}
