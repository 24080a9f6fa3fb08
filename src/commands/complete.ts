import type { Command, Option } from 'commander'
import { flagOf } from '../core/arguments/parameter-flags.ts'
import { type Parameter, parametersOf } from '../core/arguments/parameters.ts'
import { channels } from '../core/channels.ts'
import { HUB } from '../core/names.ts'
import { topic } from '../core/topic.ts'
import type { InstanceView } from '../lab/lab-view.ts'

/** A candidate for the last word, and its description. */
export interface Candidate {
  readonly word: string
  readonly help: string
}
/** What the running agents have announced. */
export interface Live {
  /** The instances of the site file with their classes. */
  readonly written?: ReadonlyMap<string, string>
  /** Candidates for the next argument, once they are known. */
  readonly words?: readonly Candidate[]
  readonly instances: ReadonlyMap<string, Pick<InstanceView, 'state' | 'api'>>
}

/** Flags that take an instance-id. */
const INSTANCE_FLAGS = ['--target', '--aggregator']

/**
 * Candidates for the last word of a command line; the words before it are taken as they are.
 * Knows commands, flags and choices by `root`; instances, operations and their parameters by the live lab.
 */
export function candidates(root: Command, words: readonly string[], live: Live): Candidate[] {
  const last = words.at(-1) ?? ''
  const at = place(root, words.slice(0, -1))
  const joined = /^(--[^=]+=)(.*)$/s.exec(last)
  const found = joined
    ? valuesOf({ ...at, flag: (joined[1] ?? '').slice(0, -1) }, live).map(({ word, help }) => ({
        word: (joined[1] ?? '') + word,
        help,
      }))
    : at.flag !== undefined
      ? valuesOf(at, live)
      : last.startsWith('-')
        ? flagsOf(at, live)
        : namesOf(at, live)
  return found.filter(({ word }) => word.startsWith(last))
}

/** The command that the words select, as typed, and its arguments so far. */
export function placeOf(
  root: Command,
  words: readonly string[],
): { readonly path: string; readonly args: readonly string[] } {
  const { command, args } = place(root, words)
  const names: string[] = []
  for (let one: Command | null = command; one && one !== root; one = one.parent) names.unshift(one.name())
  return { path: names.join(' '), args }
}

/** The position of the next word on a command line. */
interface Place {
  readonly command: Command
  /** The command's arguments so far, without flags. */
  readonly args: readonly string[]
  /** All words of the command so far. */
  readonly used: readonly string[]
  /** The flag that the next word is the value of. */
  readonly flag: string | undefined
}

function place(root: Command, words: readonly string[]): Place {
  let command = root
  let args: string[] = []
  let flag: string | undefined
  let start = 0
  for (const [at, word] of words.entries()) {
    const sub = command.commands.find((one) => one.name() === word)
    if (flag !== undefined && !word.startsWith('-')) flag = undefined
    else if (/^--?[A-Za-z]/.test(word))
      flag = word.includes('=') || isSwitch(command, word) ? undefined : word
    else if (word === '--') flag = undefined
    else if (sub && args.length === 0) {
      command = sub
      args = []
      start = at + 1
    } else args.push(word)
  }
  return { command, args, used: words.slice(start), flag }
}

function optionOf(command: Command, flag: string): Option | undefined {
  return command.options.find(({ long, short }) => long === flag || short === flag)
}

function isSwitch(command: Command, flag: string): boolean {
  if (flag === '--help' || flag === '-h') return true
  return optionOf(command, flag)?.isBoolean() === true
}

/** The words that a flag's value may be. */
function valuesOf({ command, args, flag = '' }: Place, live: Live): Candidate[] {
  const option = optionOf(command, flag)
  if (flag === '--instance-id') return writtenOf(live)
  if (option && INSTANCE_FLAGS.includes(flag)) return instancesOf(live)
  if (option) return (option.argChoices ?? []).map((word) => ({ word, help: '' }))
  const parameter = parametersHere(command, args, live).find(({ name }) => flagOf(name) === flag)
  return (parameter?.choices ?? []).map((word) => ({ word, help: '' }))
}

function flagsOf(at: Place, live: Live): Candidate[] {
  const own = at.command.options.filter(({ hidden }) => !hidden)
  const flags = own.map(({ long, short, description }) => ({ word: long ?? short ?? '', help: description }))
  const all = [...parameterFlags(at, live), ...flags]
  return all.some(({ word }) => word === '--help') ? all : [...all, { word: '--help', help: 'what it does' }]
}

/** Candidates other than flags: a subcommand, an argument, or a parameter that is not given yet. */
function namesOf(at: Place, live: Live): Candidate[] {
  const { command, args } = at
  const subs = command
    .createHelp()
    .visibleCommands(command)
    .filter((sub) => sub.name() !== 'help')
  if (args.length === 0 && subs.length > 0)
    return subs.map((sub) => ({ word: sub.name(), help: sub.description() }))
  const list = command.registeredArguments
  const argument = list[args.length] ?? (list.at(-1)?.variadic ? list.at(-1) : undefined)
  if (argument?.argChoices) return argument.argChoices.map((word) => ({ word, help: '' }))
  if (argument && live.words) return [...live.words]
  switch (argument?.name()) {
    case 'instance':
      return command.name() === 'record' ? writtenOf(live) : instancesOf(live)
    case 'op':
      return opsOf(command.name(), args[0] ?? '', live)
    case 'pattern':
      return patternsOf(live)
    default:
      return parameterFlags(at, live)
  }
}

function instancesOf({ instances }: Live): Candidate[] {
  return [...instances]
    .filter(([, { state }]) => state === 'online')
    .map(([word, { api }]) => ({ word, help: api?.agent_class ?? '' }))
    .sort((a, b) => a.word.localeCompare(b.word))
}

/** Instances of the site file, which need not run. */
function writtenOf({ written = new Map() }: Live): Candidate[] {
  return [...written].map(([word, help]) => ({ word, help }))
}

/** Processes can be stopped, tasks aborted. */
function opsOf(action: string, instance: string, { instances }: Live): Candidate[] {
  const wanted = { stop: 'process', abort: 'task' }[action]
  return Object.entries(instances.get(instance)?.api?.ops ?? {})
    .filter(([, { kind }]) => wanted === undefined || kind === wanted)
    .map(([word, { help }]) => ({ word, help }))
}

/** A topic as `listen` takes it, without the address root. */
function beneathRoot(text: string): string {
  return text.slice(text.indexOf('/') + 1)
}

function patternsOf({ instances }: Live): Candidate[] {
  const of = [...instances].flatMap(([instance, { api }]) => [
    ...Object.keys(api?.feeds ?? {}).map((feed) =>
      beneathRoot(topic(channels.feed, { root: HUB, instance, feed })),
    ),
    beneathRoot(topic(channels.event, { root: HUB, instance })),
    `${instance}/#`,
  ])
  return of.sort().map((word) => ({ word, help: '' }))
}

function parametersHere(
  command: Command,
  [instance = '', op = '']: readonly string[],
  live: Live,
): Parameter[] {
  if (command.name() !== 'start') return []
  return parametersOf(live.instances.get(instance)?.api?.ops[op]?.params)
}

function parameterFlags({ command, args, used }: Place, live: Live): Candidate[] {
  return parametersHere(command, args, live)
    .map(({ name, help }) => ({ word: flagOf(name), help }))
    .filter(({ word }) => !used.some((one) => one === word || one.startsWith(`${word}=`)))
}
