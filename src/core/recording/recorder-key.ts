import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { channels } from '../channels.ts'
import { type Address, topic } from '../topic.ts'

/** What a recorder signs its acknowledgements with: Ed25519 (RFC 8032). */
export interface RecorderKey {
  /** The public half, 64 hexadecimal digits. */
  readonly id: string
  /** Base64 of the signature of a text. */
  sign(text: string): string
}
/** What is acknowledged, and to whom. */
export interface Acked {
  readonly to: Address<typeof channels.ack.pattern>
  readonly epoch: string
  readonly seq: number
  /** UUID of the data directory. */
  readonly data_dir: string
}

/** What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410 §4). */
const SPKI = '302a300506032b6570032100'

/** A new key as PEM (PKCS 8), to be kept in a file. */
export function newKeyText(): string {
  return String(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }))
}

/** The key of a PEM text. @throws Error when the text is none */
export function recorderKey(pem: string): RecorderKey {
  const key = createPrivateKey(pem)
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return {
    id: spki.subarray(-32).toString('hex'),
    sign: (text) => sign(null, Buffer.from(text), key).toString('base64'),
  }
}

let own: RecorderKey | undefined
/** A key of this process alone, for a recorder without a state folder. */
export function processKey(): RecorderKey {
  own ??= recorderKey(newKeyText())
  return own
}

/** The text that is signed: the topic is part of it, so that nobody can have it mean other rows. */
export function ackText({ to, epoch, seq, data_dir }: Acked): string {
  return JSON.stringify([topic(channels.ack, to), epoch, seq, data_dir])
}

/** Whether a text was signed by who has the private half of a key. */
export function isSignedBy(id: string, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(SPKI + id, 'hex'), format: 'der', type: 'spki' })
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'))
  } catch {
    return false
  }
}
