/** The entries of a host's `agent-instances`. */
import type { Argument, Located } from '../core/arguments/agent-arguments.ts'
import { HUB, nearOr } from '../core/names.ts'
import * as keys from './keys.ts'
import { type Manage, manageValues } from './manage.ts'
import type { Position } from './problems.ts'
import type { Entries, SectionReader } from './section-reader.ts'
import type { Entry, Node } from './tree.ts'

/** One entry of a host's `agent-instances`. Its class is looked up when the instance starts, not before. */
export interface Instance {
  readonly instance_id: string
  readonly agent_class: string | undefined
  /** The module that declares its class; undefined for a class of ocs itself. */
  readonly module: Module | undefined
  /** The Python interpreter that runs it. */
  readonly python: string | undefined
  /** The words that start it as a program of its own (docs/protocol.md). */
  readonly command: readonly string[] | undefined
  /** `python`: OCS's agent of this class, although ocs has one too. */
  readonly runtime: 'python' | undefined
  /** WebSocket address of the crossbar router that it still uses; this host is its gateway. */
  readonly crossbar: string | undefined
  /** `own`: a program whose runtime does not share a process with others under `ocs up`. */
  readonly process: 'own' | undefined
  readonly arguments: readonly Argument[]
  readonly manage: Manage
  /** Name of its host in the file. */
  readonly host: string
  /** `FILE:LINE:COLUMN` */
  readonly position: string
  /**
   * What is wrong with this entry, a line `FILE:LINE:COLUMN: text` each. It cannot run then; other instances
   * can.
   */
  readonly faults: readonly string[]
}
/** A module outside ocs that declares an agent. */
export interface Module {
  /** A path, or the name of an npm package. */
  readonly name: string
  /** The folder of the site file: paths are relative to it, and packages are looked up from it. */
  readonly folder: string
  readonly position: string
}

/** Reads the instances of one site file; an instance-id may appear only once in all of it. */
export class InstanceReader {
  readonly #reader: SectionReader
  readonly #ids = new Map<string, Position>()

  constructor(reader: SectionReader) {
    this.#reader = reader
  }

  /** The instance-ids read so far. */
  get ids(): string[] {
    return [...this.#ids.keys()]
  }

  read(host: string, node: Node): Instance {
    const reader = this.#reader
    const { value, faults } = reader.problems.apart(node, () => {
      const entries = reader.section(node, node.at, keys.instance)
      return {
        instance_id: this.#instanceId(entries),
        agent_class: reader.text(entries, 'agent-class'),
        module: this.#module(entries),
        python: reader.text(entries, 'python'),
        command: this.#command(entries),
        runtime: reader.choice(entries, 'runtime', 'python'),
        crossbar: this.#crossbar(entries),
        process: reader.choice(entries, 'process', 'own'),
        arguments: this.#arguments(entries.get('arguments')),
        manage: this.#manage(entries),
        host,
        position: reader.where(node.at),
      }
    })
    return { ...value, faults }
  }

  #instanceId(entries: Entries): string {
    const { problems } = this.#reader
    const id = this.#reader.name(entries, 'instance-id') ?? ''
    const at = entries.get('instance-id')?.value.at
    if (id === '' || !at) return id
    const first = this.#ids.get(id)
    if (id === HUB) problems.add(at, `instance-id "${HUB}" is reserved for the hub: choose another`)
    else if (first) problems.add(at, `instance-id "${id}" is taken: line ${first.line} has it already`)
    else this.#ids.set(id, at)
    return id
  }

  #module(entries: Entries): Module | undefined {
    const name = this.#reader.text(entries, 'module')
    const at = entries.get('module')?.value.at
    if (name === undefined || !at) return undefined
    return { name, folder: this.#reader.folder, position: this.#reader.where(at) }
  }

  #command(entries: Entries): readonly string[] | undefined {
    const entry = entries.get('command')
    if (!entry) return undefined
    const words = this.#reader.list(entry, 'command').map((node) => (node.kind === 'text' ? node.text : null))
    if (words.length > 0 && words.every((word) => word !== null)) return words
    this.#reader.problems.add(entry.at, 'command takes a list of words: [docker, run, -i, my-agent]')
    return undefined
  }

  #crossbar(entries: Entries): string | undefined {
    const text = this.#reader.text(entries, 'crossbar')
    const at = entries.get('crossbar')?.value.at
    if (text === undefined || /^wss?:$/.test(URL.parse(text)?.protocol ?? '')) return text
    if (at)
      this.#reader.problems.add(
        at,
        `crossbar ${JSON.stringify(text)}: it takes an address, ws://HOST:8001/ws`,
      )
    return undefined
  }

  /** An item that is not an argument becomes a `fault`, reported once the class is known. */
  #arguments(entry: Entry | undefined): readonly Argument[] {
    const value = entry?.value
    if (!entry || !value || (value.kind === 'text' && value.text === null)) return []
    if (value.kind === 'list') return value.items.map((item) => this.#argument(item))
    const fault = `arguments takes a list, not ${keys.kindOf(value)}`
    return [{ text: '', position: this.#reader.where(entry.at), fault }]
  }

  #argument(node: Node): Argument {
    if (node.kind === 'list') return node.items.map((item) => this.#argument(item))
    const position = this.#reader.where(node.at)
    if (node.kind === 'text' && node.text !== null) return { text: node.text, position } satisfies Located
    return { text: '', position, fault: `an argument is a word or a list of words, not ${keys.kindOf(node)}` }
  }

  #manage(entries: Entries): Manage {
    const entry = entries.get('manage')
    const text = this.#reader.text(entries, 'manage')
    if (!entry || text === undefined) return 'host/up'
    const manage = manageValues.get(text.toLowerCase())
    if (!manage) {
      const hint = nearOr(text, [...manageValues.keys()], 'it takes')
      this.#reader.problems.add(entry.value.at, `manage ${JSON.stringify(text)}: ${hint}`)
    } else if (manage.startsWith('docker/')) {
      this.#reader.notes.add(`manage: ${text} has no effect here: Docker itself starts and stops containers`)
    }
    return manage ?? 'ignore'
  }
}
