import type { SessionHandle } from '../core/agent.ts'
import type { Lab, LabAgents } from '../core/lab.ts'
import { didYouMean } from '../core/names.ts'

/**
 * Milliseconds without a row before checking what the target has, and before reporting that it may not be
 * running.
 */
const [LOOK_MS, QUIET_MS] = [2000, 10_000]

type Told = Pick<SessionHandle<unknown>, 'degraded' | 'degrade' | 'log'>

/** Finds out why nothing comes from a target. The lab is watched only during that time. */
export class QuietTarget implements AsyncDisposable {
  readonly #lab: Lab
  readonly #target: string
  readonly #feed: string
  readonly #begun = performance.now()
  #agents: LabAgents | undefined
  #told: string | undefined

  /** @param feed the feed to serve; `all` for each recorded one */
  constructor(lab: Lab, { target, feed }: { readonly target: string; readonly feed: string }) {
    this.#lab = lab
    this.#target = target
    this.#feed = feed
  }

  /** To be called regularly until rows come: reports new findings, if any. */
  async look(session: Told): Promise<void> {
    const quiet = performance.now() - this.#begun
    if (quiet > LOOK_MS) this.#agents ??= await this.#lab.agents({ sessions: false })
    const fault = this.#otherFeeds() ?? (quiet > QUIET_MS ? this.#unknown() : undefined)
    if (fault === undefined) session.degraded = false
    const why = fault ?? (quiet > QUIET_MS ? this.#silence() : undefined)
    if (why === undefined || why === this.#told) return
    this.#told = why
    if (fault === undefined) session.log(why)
    else session.degrade(why)
  }

  /** To be called when rows come: ends what was reported. */
  async over(session: Told): Promise<void> {
    await this[Symbol.asyncDispose]()
    if (this.#told === undefined) return
    this.#told = undefined
    session.degraded = false
    session.log(`${this.#target} sends rows now`)
  }

  /** Reports that the target has never announced itself. */
  #unknown(): string | undefined {
    const names = [...(this.#agents?.instances.keys() ?? [])]
    if (!this.#agents || names.includes(this.#target)) return undefined
    const [near] = didYouMean(this.#target, names)
    const rather = near === undefined ? 'start it, or correct --target' : `did you mean "${near}"?`
    return `there is no instance "${this.#target}": ${rather}`
  }

  /** Reports that the target has no such feed, as far as that is known. */
  #otherFeeds(): string | undefined {
    const declared = this.#agents?.instances.get(this.#target)?.api?.feeds
    if (!declared || this.#feed === 'all' || declared[this.#feed]?.record) return undefined
    const recorded = Object.keys(declared).filter((name) => declared[name]?.record)
    const [near = recorded[0]] = didYouMean(this.#feed, recorded)
    const missing = `${this.#target} has no recorded feed "${this.#feed}"`
    if (near === undefined) return `${missing}, nor another`
    return `${missing}, it has: ${recorded.join(', ')}. Give --feed=${near}, or --feed=all for every one`
  }

  #silence(): string {
    return `no data from ${this.#target} (feed ${this.#feed}): is it running? (ocs ctrl status)`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agents?.[Symbol.asyncDispose]()
    this.#agents = undefined
  }
}
