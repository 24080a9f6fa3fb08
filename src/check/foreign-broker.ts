import type { Bus } from '../bus/bus.ts'
import { connectMqtt, type MqttOptions, reached } from '../bus/mqtt.ts'
import { channels, type Presence } from '../core/channels.ts'
import { addressesIn } from '../core/host-port.ts'
import { topic } from '../core/topic.ts'
import type { Finding } from './finding.ts'

/** Seconds that the broker has to forward test messages. */
const TRY_SECONDS = 2

/** Features that no broker but an `ocs hub` has, in any configuration. */
const LACKS = [
  'callers are not authenticated: started_from, lock and access level are what they claim',
  'nothing records log-ins, refusals and who started what (ocs hub refused is empty)',
  'a second process of an instance disconnects the first for some seconds, until it notices and leaves',
]
const OPEN =
  'every client may publish in another’s name and read others’ requests and replies: ocs check --acl mosquitto, or nats, prints rights that prevent it'
const MANY =
  'last wills die with their node: an agent connected to it counts as lost 15 s after its last beat'

/** Finds what a broker that is not an `ocs hub` lacks, by trying it under an instance-id that nobody uses. */
export async function checkForeignBroker(
  { url, credentials }: Pick<MqttOptions, 'url' | 'credentials'>,
  root: string,
): Promise<Finding[]> {
  const instance = `check-${crypto.randomUUID().slice(0, 8)}`
  const here = { root, instance }
  const connect = async (client: string, will?: MqttOptions['will']) => {
    const bus = connectMqtt({ url, credentials, client, ...(will && { will }) })
    await reached(bus, url, TRY_SECONDS)
    return bus
  }
  const lost = presenceOf('lost')
  const will = { topic: topic(channels.presence, here), payload: JSON.stringify(lost) }
  await using observer = await connect(`${instance}-b`)
  const note = (text: string, level: Finding['level'] = 'note'): Finding => ({ check: 'broker', level, text })
  const found = LACKS.map((text) => note(text))
  if (addressesIn(url).length > 1) found.push(note(MANY))
  {
    await using own = await connect(instance, will)
    if (!(await passes(own, observer, here)))
      return [
        ...found,
        note('its rights protect other names, so wills and retained messages cannot be tested'),
      ]
    if (await passes(observer, own, here)) found.push(note(OPEN))
    await own.publish(channels.last, { ...here, feed: 'check' }, { timestamp: 0 })
    if (!(await isRetained(observer, here)))
      found.push(
        note(
          'it retains nothing, so ocs does not work with it (retain_available in mosquitto.conf)',
          'problem',
        ),
      )
    await own.clear(channels.last, { ...here, feed: 'check' })
    const gone = heard(observer, here, () => connect(instance))
    if (!(await gone))
      found.push(note('it publishes no last wills: an agent that dies counts as lost only after 15 s'))
  }
  await observer.clear(channels.presence, here)
  return found
}

type Here = { readonly root: string; readonly instance: string }

/** Whether a message that one client publishes in the name of an instance reaches another client. */
async function passes(from: Bus, to: Bus, here: Here): Promise<boolean> {
  const time = Date.now() / 1000
  return await within(async (done) => {
    const listening = await to.subscribe(channels.event, here, () => done())
    void from.publish(channels.event, here, {
      time,
      level: 'info',
      text: 'tried by ocs check',
      kind: 'check',
    })
    return listening
  })
}

async function isRetained(bus: Bus, here: Here): Promise<boolean> {
  return await within((done) =>
    bus.subscribe(channels.last, here, (_payload, _address, { retained }) => retained && done()),
  )
}

/** Whether the will of an instance arrives when another connection takes its id. */
async function heard(bus: Bus, here: Here, act: () => Promise<Bus>): Promise<boolean> {
  let other: Bus | undefined
  const came = await within(async (done) => {
    const listening = await bus.subscribe(channels.presence, here, ({ state }) => state === 'lost' && done())
    other = await act()
    return listening
  })
  await other?.[Symbol.asyncDispose]()
  return came
}

/** Whether something happens within the time limit. */
async function within(begin: (done: () => void) => Promise<AsyncDisposable>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(resolve, TRY_SECONDS * 1000, false)
  await using _ = await begin(() => resolve(true))
  const is = await promise
  clearTimeout(timer)
  return is
}

function presenceOf(state: Presence['state']): Presence {
  const time = Date.now() / 1000
  const who = { session: crypto.randomUUID(), agent_class: 'check', host: '', pid: process.pid, version: '' }
  return { state, since: time, time, ...who }
}
