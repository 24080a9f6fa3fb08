import { Argument, Command } from 'commander'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { flattenArguments } from '../core/arguments/agent-arguments.ts'
import { type LabView, viewLab } from '../lab/lab-view.ts'
import { chooseSite } from '../launch/choose-site.ts'
import { knownHub } from '../launch/known-hub.ts'
import type { Context } from '../terminal/context.ts'
import { candidates, type Live, placeOf } from './complete.ts'
import { completionScripts } from './completion/scripts.ts'
import { type Asked, inLab, onDisk, type Places, type Reached } from './completion/sources.ts'
import { examples } from './help.ts'

/**
 * Milliseconds in which candidates are collected: someone is waiting after pressing tab. For a distant hub
 * `OCS_COMPLETION_MS` sets another limit.
 */
const MS = 300

/** Commands that take an instance of the site file which need not run. */
const NAMES_WRITTEN: readonly string[] = ['agent', 'aggregate', 'record']

/** `ocs completion SHELL`: prints what makes a shell complete the words of `ocs`. */
export function completionCommand(context: Context): Command {
  const shells = Object.keys(completionScripts)
  return new Command('completion')
    .description('Print the script that completes words in your shell.')
    .addArgument(new Argument('<shell>', 'your shell').choices(shells))
    .addHelpText(
      'after',
      examples(
        'eval "$(ocs completion bash)"',
        'eval "$(ocs completion zsh)"',
        'ocs completion fish > ~/.config/fish/completions/ocs.fish',
      ),
    )
    .action((shell: keyof typeof completionScripts) => context.out(completionScripts[shell]))
}

/** `ocs complete -- WORDS…`: candidates for the last word, for the shell scripts. It never reports an error. */
export function completeCommand(context: Context): Command {
  return new Command('complete')
    .description('List what may come next on a command line.')
    .argument('[words...]', 'the words after "ocs"; the last may be incomplete')
    .action(async (words: string[], _flags: unknown, self: Command) => {
      const root = self.parent
      if (!root) return
      const found = candidates(root, words, await known(root, words, context))
      context.out(found.map(({ word, help }) => `${word}\t${help}\n`).join(''))
    })
}

/** The candidates that can be collected in time. */
async function known(root: Command, words: readonly string[], context: Context): Promise<Live> {
  let view: LabView | undefined
  let live: Live = { instances: new Map() }
  const [first = ''] = words
  if (NAMES_WRITTEN.includes(first)) return { ...live, ...(await writtenInstances(words, context)) }
  const { path, args } = placeOf(root, words.slice(0, -1))
  const [disk, lab] = [onDisk[path], inLab[path]]
  const isAsked = first === 'ctrl' ? words.length > 2 : lab !== undefined
  if (!disk && !isAsked) return live
  const ms = Number(context.env['OCS_COMPLETION_MS']) || MS
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), ms)
  const asked = { args, places: placesIn(words), context, signal: late.signal }
  try {
    if (disk) return { ...live, words: await disk(asked) }
    await inHub(asked, ms, async (on) => {
      view = on.lab
      await on.lab.settled()
      if (lab) live = { ...live, words: await lab(on, asked) }
    })
  } catch {
    // Pressing tab is no occasion for error messages.
  } finally {
    clearTimeout(timer)
  }
  return { ...live, instances: view?.instances ?? live.instances }
}

/** Works on the lab that runs, as far as there is time. */
async function inHub(
  { places, context, signal }: Asked,
  ms: number,
  work: (on: Reached) => Promise<void>,
): Promise<void> {
  const site = await knownHub(places, context, () => {})
  const { url, root, credentials } = await chooseSite(site, context, () => {})
  await using bus = connectMqtt({ url, credentials, client: `complete-${crypto.randomUUID().slice(0, 8)}` })
  const over = new Promise<void>((done) => signal.addEventListener('abort', () => done()))
  const told = async () => {
    await reached(bus, url, ms / 1000)
    await work({ bus, root, lab: await viewLab(bus, root) })
  }
  await Promise.race([told(), over])
}

/** The instances of the site file on this host with their classes, those of modules too; undefined without a file. */
async function writtenInstances(
  words: readonly string[],
  context: Context,
): Promise<Pick<Live, 'written'> | undefined> {
  try {
    const { site, host } = await chooseSite(placesIn(words), context, () => {})
    const all = host
      ? host.instances
      : [...(site?.hosts.values() ?? [])].flatMap(({ instances }) => instances)
    const written = all.map(
      ({ instance_id, agent_class = '', module }) =>
        [instance_id, agent_class || (module?.name ?? '')] as const,
    )
    return { written: new Map(written) }
  } catch {
    return undefined
  }
}

/** The flags among the words that say which hub, and which folders. */
function placesIn(words: readonly string[]): Places {
  const named: Readonly<Record<string, keyof Places>> = {
    '--site': 'site',
    '--site-file': 'siteFile',
    '--site-host': 'siteHost',
    '--site-hub': 'siteHub',
    '--address-root': 'addressRoot',
    '--state-dir': 'stateDir',
    '--data-dir': 'dataDir',
  }
  const given = flattenArguments(words.slice(0, -1)).flatMap(({ flag, values: [value] }) => {
    const name = Object.hasOwn(named, flag) ? named[flag] : undefined
    return name !== undefined && value !== undefined ? [[name, value] as const] : []
  })
  return Object.fromEntries(given) as Places
}
