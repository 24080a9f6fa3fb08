import type { Bus } from '../../bus/bus.ts'
import type { Lab } from '../../core/agent.ts'
import { channels } from '../../core/channels.ts'
import type { Spool } from './spool.ts'
import { notHeld } from './spool-index.ts'

/** Answers whoever asks an instance for rows, and hears which are recorded. */
export async function serveSpool(
  bus: Bus,
  here: { readonly root: string; readonly instance: string },
  spool: Spool | undefined,
  event: Lab['event'] = () => {},
): Promise<void> {
  await bus.subscribe(channels.replay, here, ({ id, feed, epoch, from, since, max_bytes }, { client }) => {
    const answer = spool ? spool.read(feed, epoch, from, max_bytes, since) : notHeld(feed, epoch, from)
    if (answer && bus.connected) void bus.publish(channels.replayed, { ...here, client, id }, answer)
  })
  let known: string | undefined
  await bus.subscribe(channels.ack, here, ({ epoch, seq, data_dir }, { feed }) => {
    if (known !== undefined && known !== data_dir) {
      const text = `rows are acknowledged for the data directory ${data_dir}, and were for ${known}: was the recorder given another? If not, somebody speaks for it`
      event('warning', 'acknowledged', text)
    }
    known = data_dir
    spool?.acknowledge(feed, epoch, seq)
  })
}
