import { resolve } from 'node:path'
import { z } from 'zod'
import { defineAgent } from '../../core/agent.ts'
import { ConfigError } from '../../core/errors.ts'
import type { Lab } from '../../core/lab.ts'
import { poll } from '../../core/poll.ts'
import { Device } from './device.ts'
import { readTable } from './device-table.ts'

/** Looks in a second at who is silent. */
const LOOK_HZ = 1
/** Devices whose troubles are told of at a time. */
const TOLD = 3

const DeviceState = z.object({
  /** What its availability topic says; null where it has said nothing. */
  online: z.boolean().nullable(),
  /** Unix s of its last reading. */
  last: z.number().nullable(),
  fields: z.record(z.string(), z.number()),
  /** What could not be read, by kind. */
  errors: z.record(z.string(), z.number()),
  problem: z.string().nullable(),
})

/** The devices of the table. */
interface Sensors {
  readonly devices: readonly Device[]
}

export default defineAgent({
  class: 'MqttSensorAgent',
  help: 'Records third-party devices that publish over MQTT, one feed per device.',
  args: z.object({
    devices: z.string().min(1).describe('the table of devices, a YAML file'),
    mqtt_server: z
      .string()
      .regex(/^(mqtts?|wss?):\/\/[^@]+$/, 'mqtt://HOST:PORT, without user and password')
      .optional()
      .describe('another broker, mqtt://HOST:PORT; the hub of this lab by default'),
    mqtt_user: z.string().min(1).optional().describe('user name on that broker'),
    mqtt_password_file: z.string().min(1).optional().describe('file whose first line is the password'),
    mqtt_ca: z.string().min(1).optional().describe('CA of its certificate, PEM'),
    mode: z.enum(['idle', 'acq']).default('acq').describe('what the agent starts by itself'),
  }),
  wiring:
    'None of its own: Shelly, ESPHome, Tasmota, zigbee2mqtt, Node-RED and whatever else publishes numbers over MQTT, on the hub or on a broker of its own. The table, and how a device gets onto the hub: [sensors of others](../foreign-sensors.md).',
  example: { devices: '/etc/ocs/devices.yaml' },
  feeds: {},
  opensFeeds: true,
  check: ({ devices, mqtt_user, mqtt_password_file }) => {
    readTable(resolve(devices))
    if ((mqtt_user === undefined) !== (mqtt_password_file === undefined))
      throw new ConfigError('--mqtt-user and --mqtt-password-file belong together: give both')
  },
  connect: async ({ devices }, lab): Promise<Sensors> => {
    const now = performance.now()
    const all = [...readTable(resolve(devices))].map(([name, spec]) => new Device(name, spec, now, lab.log))
    // Declared from the start, so that a panel is there before the first message.
    for (const device of all) feedOf(device, lab)
    return { devices: all }
  },
  idle: (instance) => `waiting for: ocs ctrl start ${instance} acq`,
}).process(
  'acq',
  {
    help: 'Publish the messages of each device, with their time of arrival.',
    data: z.object({ devices: z.record(z.string(), DeviceState), timestamp: z.number() }),
    startup: ({ mode }) => mode === 'acq',
  },
  async ({ instrument: { devices }, args, lab, session, signal }) => {
    const byTopic = new Map<string, Device[]>()
    for (const device of devices)
      for (const topic of device.topics) byTopic.set(topic, [...(byTopic.get(topic) ?? []), device])
    const broker = {
      url: args.mqtt_server,
      user: args.mqtt_user,
      passwordFile: args.mqtt_password_file,
      ca: args.mqtt_ca,
    }
    const subscription = lab.subscribeDevices(broker, [...byTopic.keys()], (message) => {
      const time = Date.now() / 1000
      for (const device of byTopic.get(message.topic) ?? [])
        for (const { block, values } of device.take(message, performance.now(), time))
          feedOf(device, lab).publish(block, time, values)
    })
    try {
      await poll(LOOK_HZ, { session, signal }, async () => {
        const now = performance.now()
        const lost = subscription.problem()
        const troubles = devices.map((device) => device.problem(now))
        const told = troubles.filter((trouble) => trouble !== undefined)
        const more = told.length > TOLD ? `; and ${told.length - TOLD} devices more` : ''
        const shown = devices.map((device, i) => {
          const { name, online = null, last = null, fields, errors } = device
          return [
            name,
            { online, last, fields: { ...fields }, errors: { ...errors }, problem: troubles[i] ?? null },
          ]
        })
        session.set({ devices: Object.fromEntries(shown), timestamp: Date.now() / 1000 })
        // Without a connection the devices are silent as well.
        if (lost !== undefined) session.degrade(lost)
        else if (told.length > 0) session.degrade(`${told.slice(0, TOLD).join('; ')}${more}`)
        else session.degraded = false
      })
    } finally {
      await subscription.close()
    }
  },
)

/** The feed of a device, of its own name. */
function feedOf(device: Device, { handOver }: Lab) {
  const { rhythm } = device
  return handOver.feed(device.name, () => ({
    help: `What ${device.name} publishes.`,
    record: true,
    blocks: device.blocks,
    ...(rhythm !== undefined && { rhythm }),
  }))
}
