import { everybody } from '../principals/identify.ts'
import { type HubOptions, startHub } from './hub.ts'

/** A hub on free ports, for tests, and its log; open to everybody unless `identify` is given. */
export async function testHub(more: Partial<HubOptions> = {}) {
  const lines: string[] = []
  let wake: () => void = () => {}
  const hub = await startHub({
    root: 'observatory',
    realm: 'test_realm',
    identify: everybody,
    version: '0.0.0',
    listen: [{ host: '127.0.0.1', port: 0 }],
    websocket: [{ host: '127.0.0.1', port: 0 }],
    log(text) {
      lines.push(text)
      wake()
    },
    ...more,
  })
  /** Resolves with the first log line that contains all the words. */
  const logged = async (...words: string[]): Promise<string> => {
    for (;;) {
      const line = lines.find((text) => words.every((word) => text.includes(word)))
      if (line !== undefined) return line
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return { hub, lines, logged }
}

/** An agent's presence, as in its last will. */
export function presence(session: string, state: 'online' | 'lost' = 'lost') {
  const since = 1_700_000_000
  return {
    state,
    session,
    since,
    time: since,
    agent_class: 'TestAgent',
    host: 'grumpy',
    pid: 4242,
    version: '0.0.0',
  }
}
