import type { Bus } from '../bus/bus.ts'
import { connectMqtt, type MqttOptions } from '../bus/mqtt.ts'
import { LabMeters } from '../lab/lab-meters.ts'
import { type LabStatus, labStatus } from '../lab/lab-status.ts'
import { viewLab } from '../lab/lab-view.ts'
import { brokerCredentials, findCredentials } from '../principals/credentials.ts'
import type { Site } from '../site/site.ts'
import type { Log } from '../terminal/log.ts'
import { sayConnections } from './role.ts'

/** Another lab of the site file, and how to reach its hub. */
export interface OtherSite {
  readonly name: string
  readonly url: string
  readonly root: string
  /** Only the credentials of its own entry: those for this lab's hub must not be shown to another hub. */
  readonly credentials: MqttOptions['credentials']
}

/** The other labs that a site file names. */
export function otherSites(site: Site | undefined): OtherSite[] {
  return [...(site?.sites ?? [])].map(
    ([name, { mqtt_server: url = '', address_root: root, credentials, broker }]) => ({
      ...{ name, url, root },
      credentials: () => {
        if (credentials !== undefined)
          return findCredentials({ url, realm: '', file: credentials, broker, env: {} })
        return broker && brokerCredentials(url, broker)
      },
    }),
  )
}

/**
 * Connects to the other labs of a site file, to show them. Does not wait for any of them: a link may be down
 * for days.
 * @param role what connects, as part of the client ids there; each site gets its own id, since two names may
 *   lead to one hub, which admits an id once
 */
export function connectSites(
  site: Site | undefined,
  role: 'bridge' | 'status',
  log: Log,
): AsyncDisposable & {
  readonly sites: readonly {
    readonly name: string
    readonly url: string
    readonly bus: Bus
    readonly root: string
  }[]
} {
  const sites = otherSites(site).map(({ name, url, root, credentials }) => ({
    ...{ name, url, root },
    bus: connectMqtt({
      ...{ url, credentials },
      client: `${role}-${crypto.randomUUID().slice(0, 8)}`,
      onBad: (topic, why) => log(`site ${name}: ${topic}: left out: ${why}`),
    }),
  }))
  const said = sites.map(({ name, url, bus }) =>
    sayConnections(bus, url, (text) => log(`site ${name}: ${text}`)),
  )
  return {
    sites,
    async [Symbol.asyncDispose]() {
      for (const one of said) one[Symbol.dispose]()
      await Promise.all(sites.map(({ bus }) => bus[Symbol.asyncDispose]()))
    },
  }
}

interface Look {
  readonly name: string
  status(): LabStatus
}

/** The states of other labs, followed until disposed; while a hub is away, its last known state. */
export class SiteStatuses implements AsyncDisposable {
  readonly #looks: readonly Look[]
  readonly #open: readonly AsyncDisposable[]

  private constructor(looks: readonly Look[], open: readonly AsyncDisposable[]) {
    this.#looks = looks
    this.#open = open
  }

  static async open(site: Site | undefined, log: Log): Promise<SiteStatuses> {
    const connected = connectSites(site, 'status', log)
    const open: AsyncDisposable[] = [connected]
    const looks = await Promise.all(
      connected.sites.map(async ({ name, url, bus, root }) => {
        const [lab, meters] = [await viewLab(bus, root), await LabMeters.open(bus, root)]
        open.unshift(lab, meters)
        const status = () =>
          labStatus(lab, meters, { hub: { url, connected: bus.connected }, expected: [], up: [] })
        return { name, status }
      }),
    )
    return new SiteStatuses(looks, open)
  }

  /** Whether there is no other lab. */
  get isEmpty(): boolean {
    return this.#looks.length === 0
  }

  /** The state of each, by name. */
  now(): Readonly<Record<string, LabStatus>> {
    return Object.fromEntries(this.#looks.map(({ name, status }) => [name, status()]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#open) await part[Symbol.asyncDispose]()
  }
}
