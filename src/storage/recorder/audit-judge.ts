import type { HeldEpoch } from '../../core/channels.ts'
import type { RowsByEpoch } from './file-list.ts'
import { epochKey, type LedgerEntry } from './ledger.ts'
import { count, type Span, without } from './spans.ts'

/**
 * A source that knows which rows a feed had: its agent, by its presence, a spool on this machine, or a
 * recorder that records to this very directory. Agents and spools do not know to which directory a row went.
 */
export interface Witness {
  readonly who: 'agent' | 'spool' | 'recorder'
  readonly instance: string
  readonly feed: string
  /** The spool's id. */
  readonly spool: string
  readonly epochs: readonly Pick<HeldEpoch, 'epoch' | 'last' | 'acked'>[]
}

/** The content of all frames for one epoch of one feed. */
export interface Seen {
  readonly instance: string
  readonly feed: string
  address: string
  readonly epoch: string
  spool: string
  samples: number
  readonly data: Span[]
  readonly gaps: (Span & { reason: string })[]
}

/** The audit of one epoch of one feed. */
export interface EpochAudit {
  readonly address: string
  readonly epoch: string
  readonly spool: string
  /** Numbered rows that the agent is known to have released, recorded rows, and their samples (times). */
  readonly expected: number
  readonly recorded: number
  readonly samples: number
  /** Rows recorded as lost, with the reason; rows neither recorded nor accounted for; rows recorded twice. */
  readonly gaps: readonly (Span & { readonly reason: string })[]
  readonly missing: readonly Span[]
  readonly doubled: readonly Span[]
  /** Rows that its agent or spool still holds and that are not recorded yet. */
  readonly waiting: number
  /** Why it is unknown whether more rows came after the last one; null if it is known. */
  readonly unknown: string | null
}

interface Knowledge {
  /** Rows up to this one are in another data directory. */
  begin: number
  /** The highest row known to have existed and been recorded. */
  reach: number
  /** The highest row known to be recorded, here or in another directory. */
  somewhere: number
  /** Its last row; undefined while unknown. */
  end?: number
}

/** What is known of epochs beyond the frames that are here. */
export class Known {
  readonly #witnesses: readonly Witness[]
  readonly #epochs = new Map<string, Knowledge>()
  /** Epochs that have no frames but are known from other sources. */
  readonly #alone = new Map<string, Seen>()

  constructor(witnesses: readonly Witness[]) {
    this.#witnesses = witnesses
    const here = witnesses.some(({ who }) => who === 'recorder')
    for (const { who, instance, feed, spool, epochs } of witnesses)
      for (const { epoch, last, acked } of epochs) {
        const from = { instance, feed, epoch }
        const known = this.#of(epochKey(from))
        known.somewhere = Math.max(known.somewhere, acked)
        if (who !== 'recorder') known.end = Math.max(known.end ?? 0, last)
        if (!here) continue
        known.reach = Math.max(known.reach, acked)
        if (acked > 0) this.#tell({ ...from, spool })
      }
  }

  /** Notes an entry of the ledger in a file's head. */
  head({ instance, feed, epoch, spool, last, begin = 0, end_row }: LedgerEntry): void {
    const known = this.#of(epochKey({ instance, feed, epoch }))
    known.begin = Math.max(known.begin, begin)
    known.reach = Math.max(known.reach, last)
    if (end_row !== undefined) known.end = Math.max(known.end ?? 0, end_row)
    if (last > begin) this.#tell({ instance, feed, epoch, spool })
  }

  /** Notes a row that was in a file that is gone. */
  listed(key: string, last: number): void {
    const known = this.#of(key)
    known.reach = Math.max(known.reach, last)
    const [instance = '', feed = '', epoch = ''] = key.split('/')
    this.#tell({ instance, feed, epoch, spool: '' })
  }

  /** Epochs known to have existed, by their keys. */
  get told(): ReadonlyMap<string, Seen> {
    return this.#alone
  }

  of(key: string): Knowledge {
    return this.#epochs.get(key) ?? { begin: 0, reach: 0, somewhere: 0 }
  }

  /** Why the end of an epoch, of which `had` rows are here, is unknown; undefined if it is known. */
  doubt({ instance, feed, spool }: Seen, key: string, had: number): string | undefined {
    const { end, somewhere } = this.of(key)
    if (somewhere > had)
      return 'more rows of its agent were recorded, in a file that is gone or in another directory (with a site file, the recorder is asked which)'
    if (end !== undefined) return undefined
    const agent = this.#witnesses.find(
      (one) => one.who === 'agent' && one.instance === instance && one.feed === feed,
    )
    if (!agent) return 'neither its agent nor its spool was available'
    if (spool !== '' && agent.spool !== spool) return `the spool it was in (${spool}) is gone`
    return 'its agent no longer holds it'
  }

  #tell({ instance, feed, epoch, spool }: Pick<Seen, 'instance' | 'feed' | 'epoch' | 'spool'>): void {
    const address = `${instance}/${feed}`
    this.#alone.set(epochKey({ instance, feed, epoch }), {
      ...{ instance, feed, address, epoch, spool },
      ...{ samples: 0, data: [], gaps: [] },
    })
  }

  #of(key: string): Knowledge {
    const known = this.#epochs.get(key) ?? { begin: 0, reach: 0, somewhere: 0 }
    this.#epochs.set(key, known)
    return known
  }
}

/** Judges each epoch. @param lost rows of files that are gone, so that their epochs are named */
export function judge(seen: ReadonlyMap<string, Seen>, known: Known, lost: RowsByEpoch): EpochAudit[] {
  const all = new Map([...known.told, ...seen])
  const wanted = [...all].filter(
    ([key]) => seen.has(key) || lost.has(key) || known.of(key).reach > known.of(key).begin,
  )
  return wanted.map(([key, one]) => judgeOne(one, key, known)).sort(order)
}

function judgeOne(seen: Seen, key: string, known: Known): EpochAudit {
  const { address, epoch, spool, samples, data, gaps } = seen
  const { begin, reach, end } = known.of(key)
  const missing: Span[] = []
  const doubled: Span[] = []
  let next = begin + 1
  let recorded = 0
  // A data frame's range includes the rows it leaves out; those are in its gaps.
  const within = (span: Span) => gaps.filter((gap) => gap.first >= span.first && gap.last <= span.last)
  for (const span of data) recorded += count([span]) - count(within(span))
  const alone = gaps.filter((gap) => !data.some((span) => gap.first >= span.first && gap.last <= span.last))
  // A gap beside data of the same rows was declared lost, and then the rows came back.
  const empty = alone.flatMap((gap) => without([gap], data))
  const spans = [...data, ...empty].sort((a, b) => a.first - b.first || a.last - b.last)
  for (const { first, last } of spans) {
    if (first > next) missing.push({ first: next, last: first - 1 })
    // Rows assumed to be in another directory do not count as recorded twice.
    if (first < next && next > begin + 1) doubled.push({ first, last: Math.min(last, next - 1) })
    next = Math.max(next, last + 1)
  }
  const had = next - 1
  if (reach > had) missing.push({ first: next, last: reach })
  const expected = Math.max(had, reach)
  const unknown = known.doubt(seen, key, expected) ?? null
  const waiting = unknown === null ? Math.max(0, (end ?? 0) - expected) : 0
  return { address, epoch, spool, expected, recorded, samples, gaps, missing, doubled, waiting, unknown }
}

function order(a: EpochAudit, b: EpochAudit): number {
  return a.address.localeCompare(b.address) || a.epoch.localeCompare(b.epoch)
}
