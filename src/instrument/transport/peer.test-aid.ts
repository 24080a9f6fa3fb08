import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPty, type Pty } from './pty.test-aid.ts'

/** What to do with the command that asks for a number: by default it is answered. */
export type Part =
  /** Nothing. */
  | 'silent'
  /** The reply without its last two bytes, which makes any reply incomplete. */
  | 'half'
  /** Kept in `held`, for the test to answer. */
  | 'hold'
  /** Bytes in place of a reply; they may be made from the request. */
  | ((request: Buffer) => string | Uint8Array)

/** The other end of a transport, at an address of its own; each command asks it for a number. */
export interface Peer {
  /** The address, as in a site file: the same after it came back. */
  readonly url: string
  /** Its name in messages. */
  readonly place: string
  readonly script: Map<number, Part>
  /** Whether there is anyone to receive a command. */
  readonly attended: boolean
  /** The numbers asked for, in order. */
  readonly heard: number[]
  /** The maximum number of commands ever in flight at once. */
  readonly most: number
  /** Whether anything has arrived since it was last set to false. */
  touched: boolean
  /** Whether it sends nothing at all, not even its identity. */
  mute: boolean
  readonly held: (() => void)[]
  /** Called once, right before the next thing it sends. */
  first: (() => void) | undefined
  /** Goes away, like a program that ends (`end`) or like a pulled plug. */
  leave(how?: 'end'): Promise<void>
  comeBack(): Promise<void>
  close(): Promise<void>
}

/** The protocol of a kind of instrument, whatever carries it. */
export interface Speech {
  /** Splits off the complete requests. */
  cut(bytes: Buffer): { readonly requests: readonly Buffer[]; readonly rest: Buffer }
  /** The number asked for; an unsolicited text; or nothing. */
  hear(request: Buffer): number | string | undefined
  reply(request: Buffer, n: number): string | Uint8Array
}

type Say = (bytes: Uint8Array) => void

const bytesOf = (text: string | Uint8Array): Uint8Array =>
  typeof text === 'string' ? Buffer.from(text, 'latin1') : text

/** The part common to all peers; a carrier passes bytes to `listen`. */
function script(speech: Speech) {
  let open = 0
  const peer = {
    script: new Map<number, Part>(),
    attended: true,
    heard: [] as number[],
    most: 0,
    touched: false,
    mute: false,
    held: [] as (() => void)[],
    first: undefined as (() => void) | undefined,
  }
  const hear = (request: Buffer, send: Say) => {
    const say = (text: string | Uint8Array) => {
      const { first } = peer
      peer.first = undefined
      first?.()
      send(bytesOf(text))
    }
    peer.touched = true
    const asked = speech.hear(request)
    if (typeof asked === 'string' && !peer.mute) say(asked)
    if (typeof asked !== 'number') return
    peer.heard.push(asked)
    const part = peer.script.get(asked)
    const reply = speech.reply(request, asked)
    if (part === 'silent' || peer.mute) return
    if (part === 'half') return say(bytesOf(reply).subarray(0, -2))
    if (part === 'hold') return void peer.held.push(() => send(bytesOf(reply)))
    if (part) return say(part(request))
    peer.most = Math.max(peer.most, ++open)
    // A turn of the event loop later: a command that did not wait for this reply would have arrived by then.
    setImmediate(() => {
      open--
      say(reply)
    })
  }
  /** For one connection: takes bytes as they come. */
  const listen = (send: Say) => {
    let begun: Buffer = Buffer.alloc(0)
    return (bytes: Uint8Array) => {
      const { requests, rest } = speech.cut(Buffer.concat([begun, bytes]))
      begun = rest
      for (const request of requests) hear(request, send)
    }
  }
  return { peer, listen }
}

/** By TCP on loopback. */
export async function tcpPeer(url: (place: string) => string, speech: Speech): Promise<Peer> {
  const { peer, listen } = script(speech)
  const sockets = new Set<Socket>()
  let server: Server | undefined
  const serve = async (port: number) => {
    server = createServer((socket) => {
      sockets.add(socket.setNoDelay(true))
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
      socket.on(
        'data',
        listen((bytes) => void (socket.writable && socket.write(bytes))),
      )
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const port = await serve(0)
  const leave = async (how?: 'end') => {
    const closed = server?.listening && once(server, 'close')
    server?.close()
    for (const socket of sockets)
      if (how === 'end') socket.end(() => socket.destroy())
      else socket.resetAndDestroy()
    await closed
  }
  const place = `127.0.0.1:${port}`
  return Object.assign(peer, {
    url: url(place),
    place,
    leave,
    comeBack: async () => void (await serve(port)),
    close: leave,
  })
}

/** By UDP on loopback. */
export async function udpPeer(url: (place: string) => string, speech: Speech): Promise<Peer> {
  const { peer, listen } = script(speech)
  const serve = async (port: number) => {
    const socket = createSocket('udp4')
    socket.on('message', (bytes, { port: to, address }) => {
      listen((reply) => void (open && socket.send(reply, to, address)))(bytes)
    })
    socket.on('error', () => {})
    socket.bind(port, '127.0.0.1')
    await once(socket, 'listening')
    return socket
  }
  let open = true
  let socket = await serve(0)
  const { port } = socket.address()
  const leave = async () => {
    if (!open) return
    open = false
    const closed = once(socket, 'close')
    socket.close()
    await closed
  }
  const comeBack = async () => {
    socket = await serve(port)
    open = true
  }
  const place = `127.0.0.1:${port}`
  return Object.assign(peer, { url: url(place), place, leave, comeBack, close: leave })
}

/**
 * On a pseudo-terminal; its name is a link, like those in /dev/serial/by-id, and leads to another one after
 * it came back.
 */
export async function ptyPeer(speech: Speech): Promise<Peer> {
  const { peer, listen } = script(speech)
  const folder = mkdtempSync(join(tmpdir(), 'pty-'))
  const path = join(folder, 'instrument')
  let pty: Pty
  const comeBack = async () => {
    const take = listen((bytes) => pty.write(Buffer.from(bytes).toString('latin1')))
    pty = openPty((line) => take(Buffer.from(`${line}\n`, 'latin1')))
    rmSync(path, { force: true })
    symlinkSync(pty.path, path)
  }
  await comeBack()
  const leave = () => {
    rmSync(path, { force: true })
    return pty.unplug()
  }
  const close = async () => {
    await leave()
    rmSync(folder, { recursive: true })
  }
  return Object.assign(peer, { url: `serial:${path}?baud=57600`, place: path, leave, comeBack, close })
}
