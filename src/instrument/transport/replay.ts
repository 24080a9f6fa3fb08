import { counted } from '../../core/counted.ts'
import { ConfigError, messageOf, TransportError } from '../../core/errors.ts'
import type { Transport } from './byte-stream.ts'

type Reply = string | null

/** A transport that answers from a recorded dialog. */
export interface Replay extends Transport {
  /**
   * The commands that were not asked, and those with replies left: a test ends by expecting an empty list.
   */
  unread(): string[]
}

/**
 * Opens a dialog: a YAML map of command to reply. A reply is text (quoted, or YAML takes `+77.35` for a
 * number and drops the plus), a list of replies given in turn, or null for none. An unrecorded command fails
 * the write, and so the query.
 * @throws ConfigError if the file is not a valid dialog
 */
export async function openReplay(path: string): Promise<Replay> {
  const replies = await load(path)
  const used = new Map<string, number>()
  const bad = (command: string, what: string) =>
    new TransportError(`${path}: ${JSON.stringify(command)} ${what}`)
  let emit: ((bytes: Uint8Array) => void) | undefined
  return {
    name: `replay:${path}`,
    async write(bytes) {
      const command = Buffer.from(bytes).toString('latin1').trim()
      if (command === '') return
      const recorded = replies.get(command)
      if (recorded === undefined) throw bad(command, 'is not in this dialog: add the command and its reply')
      const count = used.get(command) ?? 0
      used.set(command, count + 1)
      const reply = Array.isArray(recorded) ? recorded[count] : recorded
      if (reply === undefined)
        throw bad(command, `was sent ${count + 1} times, but has ${counted(count, 'reply', 'replies')}`)
      if (reply !== null) queueMicrotask(() => emit?.(Buffer.from(`${reply}\r\n`, 'latin1')))
    },
    onData(listener) {
      emit = listener
    },
    onClose() {},
    async close() {},
    unread: () =>
      [...replies].flatMap(([command, recorded]) => {
        const count = used.get(command) ?? 0
        return count < (Array.isArray(recorded) ? recorded.length : 1) ? [command] : []
      }),
  }
}

async function load(path: string): Promise<Map<string, Reply | Reply[]>> {
  let parsed: unknown
  try {
    parsed = Bun.YAML.parse(await Bun.file(path).text())
  } catch (error) {
    throw new ConfigError(`${path}: ${messageOf(error)} (a command such as "*IDN?" must be quoted)`, {
      cause: error,
    })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new ConfigError(`${path}: a dialog is a map from command to reply`)
  const isReply = (value: unknown): value is Reply => typeof value === 'string' || value === null
  const entries = Object.entries(parsed).map(
    ([command, value]: [string, unknown]): [string, Reply | Reply[]] => {
      if (isReply(value) || (Array.isArray(value) && value.every(isReply))) return [command, value]
      throw new ConfigError(
        `${path}: the reply to ${JSON.stringify(command)} must be quoted text, a list of it, or null`,
      )
    },
  )
  return new Map(entries)
}
