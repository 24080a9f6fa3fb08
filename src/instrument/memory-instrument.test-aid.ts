import { TransportError } from '../core/errors.ts'
import type { Transport } from './transport/byte-stream.ts'
import { idn } from './transport/server.test-aid.ts'

/** What an instrument in memory may do besides answering. */
export interface Line {
  /** Sends text exactly as given. */
  say(text: string): void
  /** Breaks the line. */
  cut(): void
}

/** An instrument without a wire: its bytes arrive at once. */
export interface MemoryInstrument extends Line {
  readonly transport: Transport
  /** Each received line, in order. */
  readonly heard: string[]
}

/** `answer` returns the exact reply to a command; `*IDN?` is answered unless `answer` does so. */
export function memoryInstrument(
  answer: (command: string, line: Line) => string | undefined,
): MemoryInstrument {
  const heard: string[] = []
  let onData: (bytes: Uint8Array) => void = () => {}
  let onClose: (reason: Error) => void = () => {}
  let open = true
  const say = (text: string) => queueMicrotask(() => open && onData(Buffer.from(text, 'latin1')))
  const cut = () => {
    open = false
    onClose(new TransportError('fake: it closed the connection'))
  }
  const transport: Transport = {
    name: 'fake',
    async write(bytes) {
      if (!open) throw new TransportError('fake: closed')
      for (const command of Buffer.from(bytes).toString('latin1').split('\n').slice(0, -1)) {
        heard.push(command.trim())
        const reply = answer(command.trim(), { say, cut }) ?? (command.trim() === '*IDN?' ? `${idn}\r\n` : '')
        if (reply) say(reply)
      }
    },
    onData: (next) => {
      onData = next
    },
    onClose: (next) => {
      onClose = next
    },
    close: async () => {
      open = false
    },
  }
  return { transport, heard, say, cut }
}
