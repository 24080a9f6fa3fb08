import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { channels } from '../channels.ts'
import { type Address, topic } from '../topic.ts'

/** The key that signs a recorder's acknowledgements: Ed25519 (RFC 8032). */
export interface RecorderKey {
  /** The public key, 64 hexadecimal digits. */
  readonly id: string
  /** Base64 of the signature of a text. */
  sign(text: string): string
}
/** An acknowledgement: the rows, and the agent that is told. */
export interface Acked {
  readonly to: Address<typeof channels.ack.pattern>
  readonly epoch: string
  readonly seq: number
  /** UUID of the data directory. */
  readonly data_dir: string
}

/** The bytes before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410 §4). */
const SPKI = '302a300506032b6570032100'

/** A new key as PEM (PKCS 8), for storage in a file. */
export function newKeyText(): string {
  return String(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }))
}

/**
 * The key in a PEM text.
 * @throws Error if the text is not a key
 */
export function recorderKey(pem: string): RecorderKey {
  const key = createPrivateKey(pem)
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return {
    id: spki.subarray(-32).toString('hex'),
    sign: (text) => sign(null, Buffer.from(text), key).toString('base64'),
  }
}

let own: RecorderKey | undefined
/** A key for this process only, for a recorder without a state folder. */
export function processKey(): RecorderKey {
  own ??= recorderKey(newKeyText())
  return own
}

/** The text that is signed. It contains the topic, so that a signature cannot be reused for other rows. */
export function ackText({ to, epoch, seq, data_dir }: Acked): string {
  return JSON.stringify([topic(channels.ack, to), epoch, seq, data_dir])
}

/** Whether a text was signed with the private half of a key. */
export function isSignedBy(id: string, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(SPKI + id, 'hex'), format: 'der', type: 'spki' })
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'))
  } catch {
    return false
  }
}
