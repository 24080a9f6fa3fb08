import type { KeyPair } from './certificate.ts'

/** TLS 1.2 as `Bun.serve` takes it: it overlooks the name. */
const TLS_1_2 = 0x0303

/** How `Bun.serve` shows a certificate, over TLS 1.2 or newer. */
export function webTls({ cert, key }: KeyPair): Bun.TLSOptions {
  return { cert, key, minVersion: TLS_1_2 } as Bun.TLSOptions
}
