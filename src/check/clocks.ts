import { hostname } from 'node:os'
import type { Bus } from '../bus/bus.ts'
import { BEAT_S, channels, type Presence } from '../core/channels.ts'
import { duration } from '../core/duration.ts'
import { at } from '../terminal/table.ts'
import type { Finding } from './finding.ts'

/** Seconds of listening for beats of other hosts: every agent beats once in 5 s. */
const LISTEN_S = 2
/** Longest transit time of a message, s. */
const DELAY_S = 0.5
/** Largest tolerated difference between clocks, s. */
const TOLERANCE_S = 1
/** 2020-01-01, unix s: a clock with an earlier time has never been set. */
const NEVER_SET = 1_577_836_800

/** The range (s) in which a clock's lead over this machine's clock lies. */
export interface Skew {
  low: number
  high: number
}

/**
 * Checks this machine's clock, and those of other hosts by the beats of their agents. A message is never
 * older than its time stamp says, so it gives a lower limit of its clock's lead; a live beat is fresh, a
 * retained one is at most one beat old.
 */
export async function checkClocks(
  bus: Bus | undefined,
  root: string,
  online: readonly Presence[],
): Promise<Finding[]> {
  const now = Date.now() / 1000
  const finding = (level: Finding['level'], text: string): Finding => ({ check: 'clock', level, text })
  if (now < NEVER_SET) return [finding('problem', `it shows ${at(Date.now() / 1000)}: set it (timedatectl)`)]
  const skews = new Map<string, Skew>()
  const heard = ({ host, time, state }: Presence, age: number) => {
    if (host === hostname() || state !== 'online') return
    narrow(skews, host, time - Date.now() / 1000, age)
  }
  for (const presence of online) heard(presence, BEAT_S + DELAY_S)
  if (bus && skews.size > 0) {
    await using _ = await bus.subscribe(channels.presence, { root }, (presence, _address, { retained }) => {
      if (!retained) heard(presence, DELAY_S)
    })
    await Bun.sleep(LISTEN_S * 1000)
  }
  const wrong = [...skews].flatMap(([host, skew]) => {
    const text = skewText(host, skew)
    return text === undefined ? [] : [finding('problem', text)]
  })
  const others =
    skews.size > 0 ? `, and those of ${[...skews.keys()].join(', ')} agree, as far as can be seen` : ''
  return wrong.length > 0 ? wrong : [finding('ok', `${at(Date.now() / 1000)}${others}`)]
}

/**
 * Narrows the range for a host's clock by one message.
 * @param ahead its time minus ours, s
 * @param age its largest possible age, s
 */
export function narrow(skews: Map<string, Skew>, host: string, ahead: number, age: number): void {
  const skew = skews.get(host) ?? { low: -Infinity, high: Infinity }
  skews.set(host, { low: Math.max(skew.low, ahead), high: Math.min(skew.high, ahead + age) })
}

/** A message about a wrong clock; undefined if no error is known. */
export function skewText(host: string, { low, high }: Skew): string | undefined {
  const remedy =
    'simultaneous samples get different times: let NTP set both clocks (timedatectl set-ntp true)'
  if (low > TOLERANCE_S) return `that of ${host} is at least ${duration(low)} ahead of this one: ${remedy}`
  if (high < -TOLERANCE_S) return `that of ${host} is at least ${duration(-high)} behind this one: ${remedy}`
  return undefined
}
