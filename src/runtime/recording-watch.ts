import type { Lab } from '../core/lab.ts'
import type { Spool } from './spool/spool.ts'

/** Beats (5 s) without a newly recorded row before a warning: a frame spans 5 min by default. */
export const PATIENCE = 72

/** Reports when nobody records an agent's samples, and when recording resumes. */
export class RecordingWatch {
  readonly #spool: Pick<Spool, 'feeds' | 'held' | 'unrecorded'>
  readonly #event: Lab['event']
  #acked = 0
  #beats = 0

  constructor(spool: Pick<Spool, 'feeds' | 'held' | 'unrecorded'>, event: Lab['event']) {
    this.#spool = spool
    this.#event = event
  }

  /** Checks the progress of recording; called once a beat. */
  look(): void {
    const feeds = this.#spool.feeds()
    const rows = feeds.reduce((sum, feed) => sum + this.#spool.unrecorded(feed), 0)
    const acked = feeds.flatMap((feed) => this.#spool.held(feed)).reduce((sum, epoch) => sum + epoch.acked, 0)
    const isRecorded = rows === 0 || acked > this.#acked
    this.#acked = acked
    if (isRecorded) {
      if (this.#beats >= PATIENCE) this.#event('info', 'unrecorded', 'rows are recorded again')
      this.#beats = 0
    } else if (++this.#beats === PATIENCE) {
      const text = `nobody has recorded a row for ${(PATIENCE * 5) / 60} min: ${rows} wait in the spool. Does ocs aggregate run, and does its site file name this instance? (ocs status)`
      this.#event('warning', 'unrecorded', text)
    }
  }
}
