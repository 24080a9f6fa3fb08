import { addressesIn } from '../core/host-port.ts'
import { isRecorder } from '../launch/agents.ts'
import { recorders } from '../site/find.ts'
import { hubUrl, keysFor } from '../site/hub-url.ts'
import type { Site } from '../site/site.ts'

/** A user of a foreign broker, according to the site file. */
interface BrokerUser {
  /** `mqtt_user`; undefined for hosts without one. */
  readonly name: string | undefined
  readonly instances: readonly string[]
  readonly records: boolean
}

/** The users under which a site's hosts connect to a foreign broker, each with its instances. */
export function brokerUsers(site: Site): BrokerUser[] {
  const recording = recorders(site, isRecorder)
  const users = new Map<string | undefined, Set<string>>()
  for (const host of site.hosts.values()) {
    const shown = addressesIn(hubUrl(site, host)).map((url) => keysFor(url, site, host).broker?.user)
    for (const name of new Set(shown)) {
      const instances = users.get(name) ?? new Set()
      users.set(name, instances)
      for (const { instance_id } of host.instances) if (instance_id !== '') instances.add(instance_id)
    }
  }
  return [...users].map(([name, instances]) => ({
    name,
    instances: [...instances],
    records: recording.some((id) => instances.has(id)),
  }))
}
