import type { KeyPair } from './certificate.ts'

/** TLS 1.2 as `Bun.serve` takes it: it overlooks the name. */
const TLS_1_2 = 0x0303

/** Ciphers that authenticate what they encrypt, and with keys that no later theft of the server's key gives away. */
export const CIPHERS = [
  ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  ...['ECDSA', 'RSA'].flatMap((by) =>
    ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'].map((cipher) => `ECDHE-${by}-${cipher}`),
  ),
].join(':')

/** How `Bun.serve` shows a certificate, over TLS 1.2 or newer, with these ciphers. */
export function webTls({ cert, key }: KeyPair): Bun.TLSOptions {
  return { cert, key, minVersion: TLS_1_2, ciphers: CIPHERS } as Bun.TLSOptions
}
