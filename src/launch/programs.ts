/** Instances that are separate programs: in Python, as OCS's plugins are, or a command in any language. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { type Agent, defineAgent } from '../core/agent.ts'
import { commonFlags } from '../core/arguments/common-flags.ts'
import { ConfigError, messageOf, TransportError } from '../core/errors.ts'
import { fileForOthers } from '../machine/own-files.ts'
import { type Command, Program } from '../programs/program.ts'
import { programAgent } from '../programs/program-agent.ts'
import { firstOf } from '../site/hub-url.ts'
import type { Instance, Module } from '../site/instances.ts'
import type { Context } from '../terminal/context.ts'
import type { ChosenSite } from './choose-site.ts'

/** Milliseconds that an interpreter has to list its plugins. */
const LIST_MS = 30_000

/** An interpreter's OCS plugins: classes with the plugin of each, versions, plugins that cannot be loaded. */
const Plugins = z.object({
  classes: z.record(z.string(), z.string()),
  versions: z.record(z.string(), z.string()),
  faults: z.record(z.string(), z.string()),
})
export type Plugins = z.output<typeof Plugins>

const asked = new Map<string, Promise<Plugins>>()

/** The interpreter of an instance: its own, or else `$OCS_PYTHON`, or else `python3`. */
export function pythonOf({ python }: Pick<Instance, 'python'>, env: Context['env']): string {
  return python ?? (env['OCS_PYTHON'] || 'python3')
}

/**
 * Asks an interpreter for its plugins, once.
 * @throws ConfigError when it does not answer
 */
export function pluginsOf(python: string): Promise<Plugins> {
  const known = asked.get(python) ?? list(python)
  asked.set(python, known)
  return known
}

function list(python: string): Promise<Plugins> {
  return child(python, ['--list'], Plugins, "OCS's plugins")
}

/**
 * Why a Python file cannot be run as an agent, according to its interpreter; the file is not executed.
 * @returns undefined when it can be run
 * @throws ConfigError when the interpreter does not answer
 */
export async function pythonFault(python: string, file: string): Promise<string | undefined> {
  const { fault } = await child(python, ['--look', file], Look, file)
  return fault ?? undefined
}
const Look = z.object({ fault: z.string().nullable() })

/**
 * Runs our Python module in an interpreter and returns its answer.
 * @throws ConfigError when it does not answer
 */
async function child<S extends z.ZodType>(
  python: string,
  words: readonly string[],
  schema: S,
  what: string,
): Promise<z.output<S>> {
  try {
    const { stdout } = await promisify(execFile)(python, ['-m', 'ocs_child', ...words], {
      env: { ...process.env, ...withHost(process.env) },
      timeout: LIST_MS,
    })
    // Plugins may print while they are loaded.
    return schema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))
  } catch (cause) {
    const why =
      messageOf(cause)
        .split('\n')
        .findLast((line) => line.trim() !== '') ?? ''
    throw new ConfigError(`${python} cannot be asked for ${what}: ${why}`, { cause })
  }
}

/** The environment in which Python finds the module that runs an agent as our child. */
function withHost(env: Context['env']): Record<string, string> {
  const paths = [fileForOthers('python'), env['PYTHONPATH'] ?? ''].filter((path) => path !== '')
  return { PYTHONPATH: paths.join(delimiter), PYTHONUNBUFFERED: '1' }
}

/** Whether a module is a Python file with an agent of OCS, as `ocs-agent-cli --agent` runs it. */
export function isPython(module: Instance['module']): module is Module {
  return module?.name.endsWith('.py') ?? false
}

/** Whether an instance's entry makes it a separate program. */
export function isProgram({ python, command, runtime, module, crossbar }: Instance): boolean {
  return [python, command, runtime, crossbar].some((key) => key !== undefined) || isPython(module)
}

/**
 * Stands for a program until it runs and declares itself; the program checks its own arguments.
 * @param agentClass as the site file names it
 */
export function standIn(agentClass: string): Agent {
  return defineAgent({
    class: agentClass,
    help: 'A program of its own.',
    args: z.object({}),
    isProgram: true,
    opensFeeds: true,
    feeds: {},
    connect: () => Promise.reject(new ConfigError(`${agentClass} was not started as a program`)),
  }) as unknown as Agent
}

/** Path of the file for rows that an instance's program could not hand over. */
function leftOf({ instance_id }: Instance, { root }: ChosenSite, state: string): string {
  // The program counts its rows there before its agent has created the folder.
  mkdirSync(join(state, root), { recursive: true, mode: 0o700 })
  return join(state, root, `${instance_id}.rows`)
}

/**
 * The command that runs an instance.
 * @param left the file for rows that it could not hand over
 */
function commandOf(
  instance: Instance,
  { site, host, url, root, realm }: ChosenSite,
  given: readonly string[],
  { env, left }: { readonly env: Context['env']; readonly left: string },
): Command {
  const { module } = instance
  const first = firstOf(url)
  const own = given.filter((_, i) => !isCommon(given, i))
  if (instance.command) return { words: [...instance.command, ...own], env: withHost(env) }
  // The supervisor of this role keeps the copy while the site file stays unchanged.
  const copy = env['OCS_SITE_COPY']
  const file = copy && existsSync(copy) ? copy : site?.file
  const words = [
    ...[
      pythonOf(instance, env),
      '-m',
      'ocs_child',
      ...(instance.crossbar === undefined
        ? ['--class', instance.agent_class ?? '']
        : ['--crossbar', instance.crossbar]),
      ...(isPython(module) ? ['--file', resolve(module.folder, module.name)] : []),
      '--left',
      left,
      '--',
    ],
    ...['--instance-id', instance.instance_id, '--address-root', root, '--site-realm', realm],
    ...(file ? ['--site-file', file] : []),
    ...(host ? ['--site-host', host.name] : []),
    // Nothing connects to these addresses, but OCS requires them.
    ...['--site-hub', first.replace(/^mqtt/, 'ws'), '--site-http', first.replace(/^\w+/, 'http'), ...own],
  ]
  // Some programs look for site files themselves.
  const folder = env['OCS_CONFIG_DIR'] || (site ? dirname(site.file) : '')
  return { words, env: { ...withHost(env), ...(folder !== '' && { OCS_CONFIG_DIR: folder }) } }
}

/** Whether a word is one of the flags that every agent takes, or the value of one. */
function isCommon(words: readonly string[], i: number): boolean {
  const flagAt = (at: number) => /^(--[a-z][\w-]*)/.exec(words[at] ?? '')?.[1]?.replaceAll('_', '-')
  const flag = flagAt(i)
  if (flag !== undefined) return Object.hasOwn(commonFlags, flag)
  const before = flagAt(i - 1)
  return before !== undefined && !words[i - 1]?.includes('=') && Object.hasOwn(commonFlags, before)
}

/**
 * Starts the program of an instance.
 * @throws TransportError when it does not start
 */
export async function startProgram(
  instance: Instance,
  site: ChosenSite,
  given: readonly string[],
  state: string,
  context: Context,
  log: (text: string) => void,
): Promise<Agent> {
  const left = leftOf(instance, site, state)
  const command = () => commandOf(instance, site, given, { env: context.env, left })
  log(`program: ${command().words.join(' ')}`)
  const program = await Program.start(command(), log, context.signal)
  return programAgent(instance.agent_class ?? program.hello.agent_class, command, program)
}

/**
 * Serves an instance whose program has started this process, over standard input and output, until these end.
 * @param end called when they end
 * @throws TransportError when the program does not declare itself
 */
export async function attachProgram(
  instance: Instance,
  site: ChosenSite,
  state: string,
  context: Context,
  log: (text: string) => void,
  end: () => void,
): Promise<Agent> {
  const program = await Program.attach(leftOf(instance, site, state), log, context.signal)
  program.closed.addEventListener('abort', end)
  const again = () => {
    throw new TransportError('the parent process has ended')
  }
  return programAgent(instance.agent_class ?? program.hello.agent_class, again, program)
}
