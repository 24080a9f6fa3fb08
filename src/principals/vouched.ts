import { isIP } from 'node:net'
import type { Principal } from './principal.ts'

/** What a bridge hands on of somebody who signs in with it. */
export interface Vouched {
  /** What the bridge shows of itself. */
  readonly shown: string
  /** Where they come from. */
  readonly address: string
  readonly password: string
}

/** The password of a log-in by a bridge: what it shows of itself, where the person comes from, and what they typed. */
export function vouchedPassword({ shown, address, password }: Vouched): string {
  return `${shown} ${address} ${password}`
}

/** What a bridge says in a password; undefined for the password of somebody who logs in by themselves. */
export function readVouched(text: string): Vouched | undefined {
  const [, shown = '', address = '', password = ''] = /^(ocs1_[\w.-]+) (\S+) (.*)$/s.exec(text) ?? []
  return isIP(address) === 0 ? undefined : { shown, address, password }
}

/** Whose word a hub takes on where somebody comes from. */
export function mayVouch({ role }: Principal): boolean {
  return role === 'bridge' || role === 'owner'
}
