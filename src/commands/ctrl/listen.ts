import { Command } from 'commander'
import { channels, type Event, type FeedDeclaration, type Presence, type Row } from '../../core/channels.ts'
import { UsageError } from '../../core/errors.ts'
import type { OpSession } from '../../core/ops.ts'
import { aborted } from '../../core/pause.ts'
import { oneLine } from '../../core/printable.ts'
import { type Address, addressOf, type Channel, topic } from '../../core/topic.ts'
import { codeName, lastMessage } from '../../lab/session-text.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import type { Controlled, WithLab } from '../../launch/join-lab.ts'
import { sayConnections } from '../../launch/role.ts'
import type { Context } from '../../terminal/context.ts'
import { stamp } from '../../terminal/log.ts'
import { reading } from '../../terminal/readings.ts'
import { onOneLine } from '../../terminal/value-text.ts'
import { examples } from '../help.ts'
import { labFlags } from '../site-flags.ts'

/** Channels that can be listened to: those for everyone, none that are for one client. */
const { presence, api, session, feed, message, last, ack, event, hub } = channels
const open = { presence, api, session, feed, message, last, ack, event, hub } as const
type Open = keyof typeof open

/** A channel with the names that are asked for; a name that is missing means all. */
interface Heard {
  readonly name: Open
  readonly address: Readonly<Record<string, string>>
}

/** The parts of a pattern below the address root, as help texts show them. */
const listenable: readonly string[] = Object.values(open).map(({ pattern }) =>
  pattern.split('/').slice(1).join('/'),
)

/**
 * The channels that a pattern selects, such as `ls240/feeds/+`, `+/events` or OCS's `observatory.ls240.feeds.temperatures`.
 * @throws UsageError when it matches none
 */
export function heardBy(pattern: string, root: string): Heard[] {
  const slashed = pattern.includes('/') ? pattern : pattern.replaceAll('.', '/')
  const beneath = slashed.startsWith(`${root}/`) ? slashed.slice(root.length + 1) : slashed
  const levels = [root, ...beneath.split('/')]
  const found = Object.entries(open).flatMap(([name, channel]) => {
    const address = addressFor(channel, levels)
    return address ? [{ name: name as Open, address }] : []
  })
  if (found.length > 0) return found
  throw new UsageError(
    `nothing is published on "${pattern}"; patterns are ${listenable.join(', ')}, with + for any name and # for the rest`,
  )
}

function addressFor(channel: Channel, levels: readonly string[]): Record<string, string> | undefined {
  const parts = channel.pattern.split('/')
  // A wildcard matches a fixed word of the channel, too.
  const words = parts.map((part, at) => {
    const level = levels.indexOf('#') >= 0 && at >= levels.indexOf('#') ? '+' : (levels[at] ?? '')
    return level === '+' && !part.startsWith('{') ? part : level
  })
  if (!levels.includes('#') && levels.length !== parts.length) return undefined
  const address: Record<string, string> | undefined = addressOf(channel, words.join('/'))
  if (!address) return undefined
  const given = Object.fromEntries(Object.entries(address).filter(([, value]) => value !== '+'))
  try {
    topic(channel, given)
    return given
  } catch {
    return undefined
  }
}

interface ListenFlags extends SiteOptions {
  readonly json?: boolean
}

/** `ocs ctrl listen PATTERN…`: what agents publish, as it comes. */
export function listenCommand(context: Context, withLab: WithLab): Command {
  return labFlags(new Command('listen'))
    .description('Print what agents publish, one message per line.')
    .argument('<pattern...>', 'such as ls240/feeds/+, +/events, ls240/#')
    .option('--json', 'print JSON lines')
    .addHelpText('after', examples('ocs ctrl listen ls240/feeds/+', "ocs ctrl listen '+/events' --json"))
    .action((patterns: string[], flags: ListenFlags) =>
      withLab(flags, context, (on) => listen(on, patterns, flags.json === true, context)),
    )
}

/** Prints what is published, one line per message, until stopped or until the output is closed. */
async function listen(
  on: Controlled,
  patterns: readonly string[],
  json: boolean,
  context: Context,
): Promise<void> {
  const { bus, root, url, lab, log } = on
  const wanted = new Map(
    patterns
      .flatMap((pattern) => heardBy(pattern, root))
      .map((heard) => [topic(open[heard.name] as Channel, heard.address), heard]),
  )
  const seen = new WeakSet<object>()
  using _connections = sayConnections(bus, url, log, { joined: true })
  await using subscriptions = new AsyncDisposableStack()
  for (const { name, address } of wanted.values()) {
    const hear = (payload: unknown, from: Address<string>, { retained }: { retained: boolean }) => {
      // A message that two patterns fit is one message.
      if (typeof payload === 'object' && payload !== null) {
        if (seen.has(payload)) return
        seen.add(payload)
      }
      const time = Date.now() / 1000
      const whole = topic(open[name] as Channel, from)
      if (json) {
        context.out(`${JSON.stringify({ time, topic: whole, retained, payload })}\n`)
        return
      }
      const declaration = (instance = '', named = '') => lab.instances.get(instance)?.api?.feeds[named]
      const { instance, feed: named } = from as { instance?: string; feed?: string }
      const text = line(name, payload, declaration(instance, named))
      context.out(`${stamp(new Date(time * 1000))} ${whole.slice(root.length + 1)}  ${text}\n`)
    }
    subscriptions.use(await bus.subscribe(open[name] as Channel, address, hear))
  }
  await Promise.race([aborted(context.signal), ...(context.unread ? [aborted(context.unread)] : [])])
}

/** A message as people read it. */
function line(name: Open, payload: unknown, declaration: FeedDeclaration | undefined): string {
  switch (name) {
    case 'feed':
      return reading(
        declaration ?? { agent_class: '', record: false, frame_length: 1, blocks: {} },
        payload as Row,
      )
    case 'event': {
      const { level, kind, text } = payload as Event
      return `${level} ${kind}: ${oneLine(text)}`
    }
    case 'presence': {
      const { state, agent_class, host, pid } = payload as Presence
      return `${state} ${agent_class} on ${host}, pid ${pid}`
    }
    case 'session': {
      const now = payload as OpSession
      return [codeName(now.op_code), lastMessage(now), onOneLine(now.data)].filter(Boolean).join('  ')
    }
    case 'api':
      return `operations ${Object.keys((payload as { ops: object }).ops).join(', ')}`
    case 'message':
      return onOneLine((payload as { message: unknown }).message)
    case 'last':
    case 'ack':
    case 'hub':
      return onOneLine(payload)
  }
}
