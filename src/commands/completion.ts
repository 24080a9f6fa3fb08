import { Argument, Command } from 'commander'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { flattenArguments } from '../core/arguments/agent-arguments.ts'
import { type LabView, viewLab } from '../lab/lab-view.ts'
import { chooseSite, type SiteOptions } from '../launch/choose-site.ts'
import type { Context } from '../terminal/context.ts'
import { candidates, type Live } from './complete.ts'
import { completionScripts } from './completion-scripts.ts'

/**
 * Milliseconds the hub has to tell which agents there are: someone waits with a finger on the tab key. For a hub that
 * is far away `OCS_COMPLETION_MS` says otherwise.
 */
const HUB_MS = 300

/** Commands that take an instance of the site file which need not run. */
const NAMES_WRITTEN: readonly string[] = ['agent', 'aggregate', 'record']

/** `ocs completion SHELL`: prints what makes a shell complete the words of `ocs`. */
export function completionCommand(context: Context): Command {
  const shells = Object.keys(completionScripts)
  return new Command('completion')
    .description('Print the script that completes words in your shell: eval "$(ocs completion bash)".')
    .addArgument(new Argument('<shell>', 'your shell').choices(shells))
    .action((shell: keyof typeof completionScripts) => context.out(completionScripts[shell]))
}

/** `ocs complete -- WORDS…`: what may stand in place of the last word; for those scripts. Never complains. */
export function completeCommand(context: Context): Command {
  return new Command('complete')
    .description('List what may come next on a command line.')
    .argument('[words...]', 'the words after "ocs", the last one as far as it is written')
    .action(async (words: string[], _flags: unknown, self: Command) => {
      const root = self.parent
      if (!root) return
      const live = words[0] === 'ctrl' && words.length > 2 ? await askHub(words, context) : undefined
      const written = NAMES_WRITTEN.includes(words[0] ?? '')
        ? await writtenInstances(words, context)
        : undefined
      const found = candidates(root, words, { instances: new Map(), ...live, ...(written && { written }) })
      context.out(found.map(({ word, help }) => `${word}\t${help}\n`).join(''))
    })
}

/** The instances of the site file on this host with their classes, those of modules too; undefined without a file. */
async function writtenInstances(
  words: readonly string[],
  context: Context,
): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const { site, host } = await chooseSite(siteOptions(words), context, () => {})
    const all = host
      ? host.instances
      : [...(site?.hosts.values() ?? [])].flatMap(({ instances }) => instances)
    return new Map(
      all.map(({ instance_id, agent_class = '', module }) => [
        instance_id,
        agent_class || (module?.name ?? ''),
      ]),
    )
  } catch {
    return undefined
  }
}

/** The agents that run, by what the hub retains; undefined when it does not tell in time. */
async function askHub(words: readonly string[], context: Context): Promise<Live | undefined> {
  let lab: LabView | undefined
  const late = Promise.withResolvers<void>()
  const ms = Number(context.env['OCS_COMPLETION_MS']) || HUB_MS
  const timer = setTimeout(late.resolve, ms)
  try {
    const { url, root, credentials } = await chooseSite(siteOptions(words), context, () => {})
    await using bus = connectMqtt({ url, credentials, client: `complete-${crypto.randomUUID().slice(0, 8)}` })
    const told = async () => {
      await reached(bus, url, ms / 1000)
      lab = await viewLab(bus, root)
      await lab.settled()
    }
    await Promise.race([told(), late.promise])
    return { instances: lab?.instances ?? new Map() }
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}

/** The flags among the words that say which hub. */
function siteOptions(words: readonly string[]): SiteOptions {
  const named: Readonly<Record<string, keyof SiteOptions>> = {
    '--site': 'site',
    '--site-file': 'siteFile',
    '--site-host': 'siteHost',
    '--site-hub': 'siteHub',
    '--address-root': 'addressRoot',
  }
  const given = flattenArguments(words.slice(0, -1)).flatMap(({ flag, values: [value] }) => {
    const name = Object.hasOwn(named, flag) ? named[flag] : undefined
    return name !== undefined && value !== undefined ? [[name, value] as const] : []
  })
  return Object.fromEntries(given) as SiteOptions
}
