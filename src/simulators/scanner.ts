/** The settings of a channel that the scanner needs. */
interface ScanChannel {
  enabled: boolean
  /** Duration of measurement, s. */
  dwell: number
  /** Settling time after switching, during which the old reading is shown, s. */
  pause: number
}

/**
 * The scanner of a resistance bridge: one channel at a time is connected; after each switch the bridge
 * settles.
 */
export interface Scanner {
  readonly channel: number
  readonly autoscan: boolean
  /** The connected channel has settled: its readings are live. */
  readonly settled: boolean
  /** Brings the scanner to time `t` (s). Call before reading or changing anything. */
  advance(t: number): void
  /** Connects a channel now. */
  select(channel: number, autoscan: boolean): void
  /** Restarts settling of the connected channel, as after a change of its range or excitation. */
  unsettle(): void
}

/**
 * A scanner over channels 1 to `count` that skips disabled ones; each is connected for its pause and then its
 * dwell. Settings are read at each switch.
 * @param onLeave called when a settled channel is left, with the time at which its last reading was taken.
 */
export function createScanner(
  count: number,
  start: number,
  setup: (channel: number) => ScanChannel,
  onLeave: (channel: number, t: number) => void,
): Scanner {
  let now = start
  let channel = 1
  let autoscan = true
  let since = start

  const following = (): number => {
    for (let step = 1; step <= count; step++) {
      const candidate = ((channel - 1 + step) % count) + 1
      if (setup(candidate).enabled) return candidate
    }
    return channel
  }
  const connect = (next: number, t: number): void => {
    if (t >= since + setup(channel).pause) onLeave(channel, t)
    channel = next
    since = t
  }
  return {
    get channel() {
      return channel
    },
    get autoscan() {
      return autoscan
    },
    get settled() {
      return now >= since + setup(channel).pause
    },
    advance(t) {
      while (autoscan) {
        const { enabled, pause, dwell } = setup(channel)
        const due = enabled ? since + pause + dwell : now
        const next = following()
        if (t < due || next === channel) break
        connect(next, due)
      }
      now = Math.max(now, t)
    },
    select(next, scanning) {
      if (next !== channel) connect(next, now)
      // Restarting the scanner first gives the connected channel a whole dwell.
      if (scanning && !autoscan) since = Math.max(since, now - setup(channel).pause)
      autoscan = scanning
    },
    unsettle() {
      if (now >= since + setup(channel).pause) onLeave(channel, now)
      since = now
    },
  }
}
