import { createServer } from 'node:net'
import { hostname } from 'node:os'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import type { HubInfo } from '../core/channels.ts'
import { messageOf } from '../core/errors.ts'
import { RECORD, recordingOf } from '../core/recording/recording.ts'
import { isLocal } from '../host/up-plan.ts'
import type { UpFlags } from '../host/up-run.ts'
import { hubInfo } from '../lab/hub-info.ts'
import { type InstanceView, viewLab } from '../lab/lab-view.ts'
import { notRecording, whyNot } from '../lab/not-recording.ts'
import { isRecorder } from '../launch/agents.ts'
import { credentialsOf, PORTS } from '../launch/choose-site.ts'
import { portError, portHolder } from '../machine/port-in-use.ts'
import { answers } from '../machine/probe.ts'
import type { Credentials } from '../principals/credentials.ts'
import { recorders } from '../site/find.ts'
import { hubUrl, listeningAt } from '../site/hub-url.ts'
import type { Host, Site } from '../site/site.ts'
import type { Context } from '../terminal/context.ts'
import { stamp } from '../terminal/log.ts'
import { checkClocks } from './clocks.ts'
import type { Finding } from './finding.ts'
import { checkForeignBroker } from './foreign-broker.ts'
import { checkWampHttp } from './wamp-http.ts'

/** Seconds that the hub has to answer. */
const HUB_SECONDS = 2
const BRIDGE_PORT = 5000

/** Findings about a lab, and its present instances. */
interface LabFindings {
  readonly findings: readonly Finding[]
  readonly instances: ReadonlyMap<string, InstanceView>
}

/**
 * Checks that the hub answers, or could be started here; that the ports are free or ours; the clocks; and
 * that no instance of this host runs on another machine.
 */
export async function checkHub(
  site: Site,
  host: Host,
  { siteHub, stateDir }: UpFlags,
  env: Context['env'],
): Promise<LabFindings> {
  const url = hubUrl(site, host, siteHub)
  const root = site.hub.address_root
  const named = [host.hub, site.hub].flatMap((hub) => hub.wamp_server ?? [])
  const urls = [url, ...named]
  const none = new Map<string, InstanceView>()
  const finding = (level: Finding['level'], text: string): Finding => ({ check: 'hub', level, text })
  if (!(await answers(url))) {
    const clocks = await checkClocks(undefined, root, [])
    if (!isLocal(url)) {
      const away = finding('problem', `nothing answers at ${url}: start it there (${listeningAt(url)})`)
      return { findings: [away, ...clocks], instances: none }
    }
    // A hub started here also opens a WebSocket port, whether or not the file names it.
    const websocket = named.length > 0 ? [] : [`ws://127.0.0.1:${PORTS.ws}/ws`]
    const ports = await checkPorts([...urls, ...websocket], undefined)
    const isFree = ports.every(({ level }) => level !== 'problem')
    const free = isFree ? [finding('note', `no hub at ${url} yet: ocs up starts it`)] : []
    const http = await checkWampHttp(site, host, [...named, ...websocket])
    return { findings: [...free, ...ports, ...http, ...clocks], instances: none }
  }
  try {
    const find = credentialsOf({ url, realm: site.hub.wamp_realm, site, host }, env)
    const ids = host.instances.filter(({ manage }) => manage === 'host/up').map((one) => one.instance_id)
    // Without a log-in an agent's credentials are used: they allow reading.
    const credentials = (to?: { readonly url: string }) =>
      [undefined, ...ids].reduce<Credentials | undefined>(
        (found, instance) => found ?? find({ ...to, stateDir, instance }),
        undefined,
      )
    await using bus = connectMqtt({ url, credentials, client: `check-${crypto.randomUUID().slice(0, 8)}` })
    await reached(bus, url, HUB_SECONDS)
    const hub = await hubInfo(bus, root)
    // A foreign broker may refuse questions outside this root.
    if (!hub && (await hubInfo(bus, undefined).catch(() => undefined))) {
      const other = `what answers at ${url} is the hub of another address root than ${root}: correct address_root, or the address`
      return { findings: [finding('problem', other)], instances: none }
    }
    await using lab = await viewLab(bus, root)
    await lab.settled()
    const { instances } = lab
    const online = [...instances.values()].flatMap(({ presence }) => presence ?? [])
    const ahead = (hub?.since ?? 0) - Date.now() / 1000
    const clock: Finding = {
      check: 'clock',
      level: 'problem',
      text: `this machine is ${ahead.toFixed(0)} s or more behind the hub's: the hub has started in its future`,
    }
    return {
      findings: [
        finding(
          'ok',
          `${hub ? '' : 'a broker other than ocs hub '}answers at ${bus.server ?? url}; agents online: ${[...instances.values()].filter(isOnline).length}`,
        ),
        ...(hub ? [] : await checkForeignBroker({ url, credentials }, root)),
        ...(hub?.insecure
          ? [
              finding(
                'note',
                'it is open: anyone who can reach it may do anything (--insecure); ocs hub init closes it',
              ),
            ]
          : []),
        ...(hub && isLocal(url) ? await checkPorts(urls, hub) : []),
        ...(hub ? await checkWampHttp(site, host, hub.listeners) : []),
        ...(ahead > 1 ? [clock] : await checkClocks(bus, root, online)),
        ...(hub && credentials() ? ids.filter((instance) => !find({ stateDir, instance })) : []).map((id) =>
          finding('problem', `no credentials of ${id} here: run ocs hub token ${id} where the hub runs`),
        ),
        ...elsewhere(host, instances),
        ...unrecorded(site, instances),
      ],
      instances,
    }
  } catch (error) {
    const holder = isLocal(url) ? await portHolder(Number(new URL(url).port)) : undefined
    const by = holder === undefined ? '' : `; ${holder} has the port: restart that one`
    return { findings: [finding('problem', `${messageOf(error)}${by}`)], instances: none }
  }
}

/** Checks the ports of the hub on this machine, running or not, and of the bridge. */
async function checkPorts(urls: readonly string[], hub: HubInfo | undefined): Promise<Finding[]> {
  const ports = new Set(urls.filter(isLocal).map((url) => Number(new URL(url).port)))
  const own = new Set(hub?.listeners.map((listener) => Number(new URL(listener).port)))
  const findings = await Promise.all(
    [...ports, BRIDGE_PORT].map(async (port): Promise<Finding[]> => {
      if (own.has(port) || port === 0) return []
      const fault = await portFault(port)
      if (fault === undefined || / in use by ocs bridge /.test(fault)) return []
      // A site file does not say whether a bridge should run here.
      return [{ check: 'ports', level: port === BRIDGE_PORT ? 'note' : 'problem', text: fault }]
    }),
  )
  const found = findings.flat()
  if (found.some(({ level }) => level === 'problem')) return found
  return [
    { check: 'ports', level: 'ok', text: `${[...ports].join(', ')}: ${hub ? "the hub's" : 'free'}` },
    ...found,
  ]
}

async function portFault(port: number): Promise<string | undefined> {
  const server = createServer()
  try {
    await new Promise<void>((done, reject) => {
      server.once('error', reject).listen({ host: '127.0.0.1', port }, done)
    })
    return undefined
  } catch (error) {
    return messageOf(await portError('127.0.0.1', port, error))
  } finally {
    server.close()
  }
}

/** Instances of this host that run on another machine. */
function elsewhere(host: Host, instances: ReadonlyMap<string, InstanceView>): Finding[] {
  return host.instances.flatMap(({ instance_id: id, manage, position }): Finding[] => {
    const view = instances.get(id)
    if (manage !== 'host/up' || !view?.presence || !isOnline(view) || view.presence.host === hostname())
      return []
    const { host: other, pid, since } = view.presence
    const text = `${position}: ${id} runs on ${other} already, pid ${pid}, since ${stamp(new Date(since * 1000))}: stop it there, or choose another instance-id`
    return [{ check: 'instances', level: 'problem', text }]
  })
}

/** Why nothing is recorded although the site has a recorder; otherwise the problems that recorders report. */
function unrecorded(site: Site, instances: ReadonlyMap<string, InstanceView>): Finding[] {
  const meant = recorders(site, isRecorder)
  const why = meant.length > 0 ? notRecording(instances) : undefined
  if (why !== undefined) return [{ check: 'recording', level: 'problem', text: `not recording: ${why}` }]
  return [...instances].flatMap(([name, view]): Finding[] => {
    const idle = meant.includes(name) ? whyNot(name, view) : undefined
    if (idle !== undefined) return [{ check: 'recording', level: 'problem', text: `not recording: ${idle}` }]
    const session = isOnline(view) ? view.sessions.get(RECORD) : undefined
    const { problem } = recordingOf(view.sessions) ?? {}
    if (!problem || session?.end_time !== null) return []
    return [{ check: 'recording', level: 'problem', text: `${name}: ${problem}` }]
  })
}

function isOnline({ state }: InstanceView): boolean {
  return state === 'online'
}
