import { dirname } from 'node:path'
import type { Bus } from '../../bus/bus.ts'
import { channels } from '../../core/channels.ts'
import { messageOf } from '../../core/errors.ts'
import type { Lab } from '../../core/lab.ts'
import type { Spool } from './spool.ts'
import { notHeld } from './spool-index.ts'
import { answerText } from './stored-rows.ts'
import { TrustedRecorders, trustPath } from './trusted-recorders.ts'

/** The most unknown recorders reported, each once. */
const STRANGERS = 20

interface Here {
  readonly root: string
  readonly instance: string
}

/** Answers requests for an instance's rows, and receives from its recorder which rows are recorded. */
export async function serveSpool(
  bus: Bus,
  here: Here,
  spool: Spool | undefined,
  event: Lab['event'] = () => {},
): Promise<void> {
  await bus.subscribe(channels.replay, here, ({ id, feed, epoch, from, since, max_bytes }, { client }) => {
    const answer = spool ? spool.read(feed, epoch, from, max_bytes, since) : notHeld(feed, epoch, from)
    if (answer && bus.connected)
      void bus.publishText(channels.replayed, { ...here, client, id }, answerText(answer))
  })
  if (spool) await hearAcks(bus, here, spool, event)
}

async function hearAcks(bus: Bus, here: Here, spool: Spool, event: Lab['event']): Promise<void> {
  const folder = dirname(spool.path)
  const recorders = new TrustedRecorders(folder)
  const told = new Set<string>()
  const warn = (about: string, text: string) => {
    if (told.has(about) || told.size >= STRANGERS) return
    told.add(about)
    event('warning', 'acknowledged', text)
  }
  let known: string | undefined
  await bus.subscribe(channels.ack, here, ({ key, signature, ...acked }, { feed }) => {
    let found: ReturnType<TrustedRecorders['judge']>
    try {
      found = recorders.judge({ to: { ...here, feed }, ...acked }, key, signature)
    } catch (error) {
      // Rows without an acknowledgement are kept.
      warn('trouble', `acknowledgements are ignored: ${messageOf(error)}: rows are kept`)
      return
    }
    const { epoch, seq, data_dir } = acked
    if (found === 'unknown' || found === 'forged') {
      spool.refusedAcks++
      warn(
        `${found} ${key}`,
        found === 'forged'
          ? `an acknowledgement names the recorder's key ${key} but is not signed with it: ignored, rows are kept`
          : `a recorder with the key ${key} (data directory ${data_dir}) is not the trusted one: rows are recorded, but also kept until they fill the spool. Was the recorder moved to another host or state folder? Then: ocs spool trust ${key} --state-dir=${dirname(folder)}`,
      )
      return
    }
    if (found === 'first') {
      const text = `the recorder with the key ${key} is the first to acknowledge rows: from now on only this one is trusted (${recorders.problem ?? trustPath(folder)})`
      event('info', 'acknowledged', text)
    }
    if (known !== undefined && known !== data_dir) {
      const text = `rows are now acknowledged for the data directory ${data_dir} instead of ${known}: the recorder uses another one`
      event('warning', 'acknowledged', text)
    }
    known = data_dir
    spool.acknowledge(feed, epoch, seq)
  })
}
