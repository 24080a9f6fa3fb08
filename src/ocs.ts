/**
 * The package's entry: what a program of a lab's own imports from `ocs`. Agents of a lab's own import `defineAgent` from
 * here too, and from `ocs/instrument/…` what opens and polls an instrument.
 */
import { type AgentClient, type ClientOptions, type LabClient, openAgent, openLab } from './lab/connect.ts'
import { findCredentials } from './principals/credentials.ts'
import { type HubChoice, hubAddress } from './site/hub-address.ts'

/** The schemas that arguments and parameters are declared with, so that a module of one's own needs no package besides. */
// biome-ignore lint/performance/noBarrelFile: the package's entry, nothing here imports it
export { z } from 'zod'
export { defineAgent } from './core/agent.ts'
export { ConfigError, OpError, TimeoutError, TransportError, UsageError } from './core/errors.ts'
export { pause } from './core/pause.ts'
export type { Value } from './core/wire.ts'
export { type Cleanup, cleanup } from './lab/cleanup.ts'
export type { AgentClient, Found, LabClient } from './lab/connect.ts'
export type { Feed } from './lab/remote-feed.ts'
export type { Operation, Session } from './lab/remote-operation.ts'
export type { FeedRow, LastValues } from './lab/restore.ts'

/** Where the hub is, and how to talk to it. Nothing is taken from the command line of the program. */
export type ConnectOptions = HubChoice & Omit<ClientOptions, 'url' | 'root' | 'credentials'>

/** What `ocs run` hands to the function that a script exports by default. */
export interface Script {
  /** The words after the script's name on the command line. */
  readonly args: readonly string[]
  /** Aborted by Ctrl-C and by the signals TERM and HUP. */
  readonly signal: AbortSignal
}

/**
 * Connects to a running agent. With the type of its declaration operations, parameters and feeds are checked:
 * `await using ls240 = await connect<typeof lakeshore240>('ls240')`, then `await ls240.set_values({ channel: 3, … })`.
 * @throws TransportError when there is no hub, or the agent is not running
 */
export async function connect<A = unknown>(
  instance: string,
  options: ConnectOptions = {},
): Promise<AgentClient<A>> {
  return openAgent<A>(instance, await clientOptions(options))
}

/** Connects to a lab, to find its agents and to use several of them. @throws TransportError when there is no hub */
export async function connectLab(options: ConnectOptions = {}): Promise<LabClient> {
  return openLab(await clientOptions(options))
}

async function clientOptions(options: ConnectOptions): Promise<ClientOptions> {
  const { hub, root, siteFile, ...rest } = options
  const { env } = process
  const at = await hubAddress({ hub, root, siteFile }, env['OCS_CONFIG_DIR'])
  const { url, realm, keysFor } = at
  return {
    ...rest,
    url,
    root: at.root,
    credentials: (to) => {
      const { credentials: file, broker } = keysFor(to.url)
      return findCredentials({ ...to, realm, file, broker, env })
    },
  }
}
