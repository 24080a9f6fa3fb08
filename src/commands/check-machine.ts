import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { portError } from '../broker/port-in-use.ts'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { flattenArguments } from '../core/arguments.ts'
import { channels } from '../core/channels.ts'
import { messageOf } from '../core/errors.ts'
import { hubUrl } from '../site/hub-url.ts'
import type { Host, Site } from '../site/site.ts'
import type { Finding } from './check.ts'
import type { Context } from './context.ts'
import { networkType, statePath } from './places.ts'
import { isLocal } from './up-plan.ts'
import { answers, type UpFlags } from './up-run.ts'

/** Seconds that the hub has to answer, and to tell what it has. */
const HUB_SECONDS = 2
/** Bytes that have to be free: some days of recording. */
const SPACE = 1e9
/** 2020-01-01, unix s: a clock before it has never been set. */
const NEVER_SET = 1_577_836_800

/** Checks that the hub answers, or could be started here, and this machine's clock against what the hub retains. */
export async function checkHub(site: Site, host: Host, { siteHub }: UpFlags): Promise<Finding[]> {
  const url = hubUrl(site, host, siteHub)
  const now = Date.now() / 1000
  const clock: Finding =
    now < NEVER_SET
      ? {
          check: 'clock',
          level: 'problem',
          text: `it says ${new Date().toISOString()}: set it (timedatectl)`,
        }
      : { check: 'clock', level: 'ok', text: new Date().toISOString() }
  if (!(await answers(url))) {
    if (!isLocal(url))
      return [
        { check: 'hub', level: 'problem', text: `nothing answers at ${url}: start it there (ocs hub)` },
        clock,
      ]
    const port = Number(new URL(url).port)
    const fault = port > 0 ? await portFault(port) : undefined
    const text = fault ?? `none runs at ${url} yet, and its port is free: ocs up starts it`
    return [{ check: 'hub', level: fault ? 'problem' : 'note', text }, clock]
  }
  try {
    await using bus = connectMqtt({ url, client: `check-${crypto.randomUUID().slice(0, 8)}` })
    await reached(bus, url, HUB_SECONDS)
    const hub = Promise.withResolvers<number | undefined>()
    const timer = setTimeout(() => hub.resolve(undefined), HUB_SECONDS * 1000)
    await using _ = await bus.subscribe(channels.hub, { root: site.hub.address_root }, ({ since }) =>
      hub.resolve(since),
    )
    const since = await hub.promise
    clearTimeout(timer)
    const ahead = since === undefined ? 0 : since - Date.now() / 1000
    if (ahead > 1) {
      const text = `this machine is ${ahead.toFixed(0)} s or more behind the hub's, which has started later than now`
      return [
        { check: 'hub', level: 'ok', text: `answers at ${url}` },
        { check: 'clock', level: 'problem', text },
      ]
    }
    if (since !== undefined) return [{ check: 'hub', level: 'ok', text: `answers at ${url}` }, clock]
    const text = `what answers at ${url} is no hub of address root ${site.hub.address_root}`
    return [{ check: 'hub', level: 'problem', text }, clock]
  } catch (error) {
    return [{ check: 'hub', level: 'problem', text: messageOf(error) }, clock]
  }
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

/** Checks that the folders of state, logs and recordings can be written, and have room. */
export function checkFolders(host: Host, { stateDir, logDir }: UpFlags, { env }: Context): Finding[] {
  const state = statePath(stateDir, env)
  const data = host.instances
    .filter(({ manage }) => manage === 'host/up')
    .flatMap(({ arguments: given }) => flattenArguments(given))
    .flatMap(({ flag, values }) => (flag === '--data-dir' ? values : []))
  const folders = new Map([
    [resolve(logDir ?? host.log_dir ?? join(state, 'logs')), 'logs'],
    ...data.map((folder) => [resolve(folder), 'recordings'] as const),
    [state, 'state'],
  ])
  return [...folders].map(([path, what]) => folderFinding(path, what))
}

function folderFinding(path: string, what: string): Finding {
  let there = path
  while (!existsSync(there)) there = dirname(there)
  const problem = (text: string): Finding => ({ check: what, level: 'problem', text: `${path} ${text}` })
  try {
    accessSync(there, constants.W_OK | constants.X_OK)
    const { bavail, bsize } = statfsSync(there)
    const free = bavail * bsize
    const type = networkType(there)
    if (what === 'state' && type)
      return problem(`is on ${type}, a network file system: choose a local folder`)
    if (free < SPACE) return problem(`has ${(free / 1e6).toFixed(0)} MB left: make room`)
    return { check: what, level: 'ok', text: `${path}: ${(free / 1e9).toFixed(0)} GB free` }
  } catch (error) {
    return problem(`cannot be written (${messageOf(error)}): choose another folder, or change its owner`)
  }
}
