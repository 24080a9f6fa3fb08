import type { Lab, LabAgents } from '../core/agent.ts'
import { didYouMean } from '../core/names.ts'

/** Milliseconds without a row after which is looked what the target has, and after which it may not run. */
const [LOOK_MS, QUIET_MS] = [2000, 10_000]

/** Finds out why nothing comes of a target. The lab is watched only while nothing does. */
export class QuietTarget implements AsyncDisposable {
  readonly #lab: Lab
  readonly #target: string
  readonly #feed: string
  readonly #begun = performance.now()
  #agents: LabAgents | undefined
  #told: string | undefined

  /** @param feed one that is served; `all` for each that is recorded */
  constructor(lab: Lab, { target, feed }: { readonly target: string; readonly feed: string }) {
    this.#lab = lab
    this.#target = target
    this.#feed = feed
  }

  /** To be called now and then until rows come: what is new to say, if anything. */
  async look(): Promise<string | undefined> {
    const quiet = performance.now() - this.#begun
    if (quiet > LOOK_MS) this.#agents ??= await this.#lab.agents()
    const why = this.#otherFeeds() ?? (quiet > QUIET_MS ? this.#silence() : undefined)
    if (why === undefined || why === this.#told) return undefined
    this.#told = why
    return why
  }

  /** That the target has no such feed, as far as it is known. */
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
    return `nothing has come of ${this.#target} (feed ${this.#feed}): does it run? (ocs ctrl status)`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agents?.[Symbol.asyncDispose]()
    this.#agents = undefined
  }
}
