import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Peer } from './peer.test-aid.ts'
import { idn } from './server.test-aid.ts'

/** The members of a peer with nobody at the other end. */
function nobody() {
  return {
    script: new Map(),
    attended: false,
    heard: [],
    most: 1,
    touched: true,
    mute: false,
    held: [],
    first: undefined,
    leave: async () => {},
    comeBack: async () => {},
  }
}

/** A recorded dialog, written when its address is requested. */
export async function dialogPeer(): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), 'dialog-'))
  const path = join(folder, 'dialog.yaml')
  const peer = nobody() as Pick<Peer, 'script'> & ReturnType<typeof nobody>
  const recorded = (n: number) => {
    const part = peer.script.get(n)
    if (part === 'silent') return null
    return typeof part === 'function' ? Buffer.from(part(Buffer.alloc(0))).toString('latin1') : String(n)
  }
  return Object.defineProperty(
    Object.assign(peer, {
      url: '',
      place: path,
      close: async () => rmSync(folder, { recursive: true }),
    }),
    'url',
    {
      get() {
        const entries = Array.from({ length: 20 }, (_, n) => [`V${n}?`, recorded(n)])
        writeFileSync(path, JSON.stringify({ '*IDN?': idn, ...Object.fromEntries(entries) }))
        return `replay:${path}`
      },
    },
  )
}

/** A log, to which `log` appends a line. */
export async function logPeer(): Promise<Peer & { log(n: number): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'log-'))
  const path = join(folder, 'a.log')
  const peer = nobody() as Pick<Peer, 'script'> & ReturnType<typeof nobody>
  let there = true
  const comeBack = async () => {
    writeFileSync(path, '')
    there = true
  }
  await comeBack()
  return Object.assign(peer, {
    url: `file:${path}`,
    place: path,
    log(n: number) {
      const part = peer.script.get(n)
      if (there) appendFileSync(path, typeof part === 'function' ? part(Buffer.alloc(0)) : `${n}\n`)
    },
    leave: async () => {
      rmSync(path)
      there = false
    },
    comeBack,
    close: async () => rmSync(folder, { recursive: true }),
  })
}
