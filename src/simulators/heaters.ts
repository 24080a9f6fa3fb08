import type { Settings } from './settings.ts'

/**
 * The heater outputs of a Model 372 and their effect on the mixing chamber. Output 0 sample, 1 warm-up, 2
 * still (analog).
 */
export interface Heaters {
  /** Runs the control loops up to time `t` (s). Call before reading or changing anything. */
  advance(t: number): void
  /** The temperature (K) of the mixing chamber with heater power, computed from its temperature without. */
  warmed(kelvin: number): number
  /**
   * Output of the sample heater in the display mode of HTRSET: % of the range's current, or W. MOUT uses the
   * same unit.
   */
  sample(): number
  /** Output as a percentage: of full scale for outputs 1 and 2, of the range's current for output 0. */
  percent(output: string): number
  /** The present set-point, which moves during a ramp, K. */
  setpoint(output: string): number
  ramping(output: string): boolean
  setSetpoint(output: string, kelvin: number): void
  allOff(): void
}

/** Control loops run at the rate of the control input, Hz. */
const rate = 10
/** P = coolingPower · (T² − T₀²): a dilution refrigerator with 200 µW at 100 mK, W/K². */
const coolingPower = 0.02
/** Time constant with which the mixing chamber follows its heater, s. */
const lag = 20
/** Maximum duration of control that is computed after a pause in queries, s. */
const catchUp = 3600

interface Loop {
  /** Moves towards SETP during a ramp, K. */
  setpoint: number
  integral: number
  /** The previous error, K. */
  last: number
  /** Output, %. */
  percent: number
}

/** Output modes of OUTMODE. */
const mode = { off: 0, openLoop: 2, still: 4, closedLoop: 5, warmUp: 6 }

/** Full scale current (A) of the sample heater ranges 1–8: 31.6 µA to 100 mA in half decades. */
function rangeCurrent(range: number): number {
  return range === 0 ? 0 : 0.1 * 10 ** ((range - 8) / 2)
}

/**
 * Heaters that follow the instrument's settings.
 * @param measured the temperature (K) of an input, `1`–`16` or `A`, at a time; 0 if it has none.
 */
export function createHeaters(
  settings: Settings,
  start: number,
  measured: (input: string, t: number) => number,
): Heaters {
  let tick = Math.floor(start * rate)
  let heat = 0 // power that the mixing chamber feels by now, W
  const loops = new Map<string, Loop>(
    ['0', '1'].map((key) => [key, { setpoint: 0, integral: 0, last: 0, percent: 0 }]),
  )

  const on = (output: string): boolean =>
    settings.number('RANGE', output, 0) > 0 && settings.number('OUTMODE', output, 0) !== mode.off
  const resistance = (): number => settings.number('HTRSET', '0', 0)
  const inPower = (): boolean => settings.number('HTRSET', '0', 3) === 2
  const current = (): number => {
    if (!on('0')) return 0
    const full = rangeCurrent(settings.number('RANGE', '0', 0))
    if (settings.number('OUTMODE', '0', 0) === mode.closedLoop) {
      return (full * (loops.get('0')?.percent ?? 0)) / 100
    }
    const manual = settings.number('MOUT', '0', 0)
    return Math.min(full, inPower() ? Math.sqrt(manual / resistance()) : (full * manual) / 100)
  }

  function percent(output: string): number {
    if (!on(output)) return 0
    if (output === '0') {
      const full = rangeCurrent(settings.number('RANGE', '0', 0))
      return full === 0 ? 0 : (100 * current()) / full
    }
    const how = settings.number('OUTMODE', output, 0)
    if (output === '2' && how === mode.still) return settings.number('STILL', '', 0)
    if (how === mode.closedLoop) return loops.get(output)?.percent ?? 0
    if (output === '1' && how === mode.warmUp) return settings.number('WARMUP', '', 1)
    return settings.number('MOUT', output, 0)
  }

  function step(t: number): void {
    const dt = 1 / rate
    for (const [output, loop] of loops) {
      const target = settings.number('SETP', output, 0)
      const perStep = (settings.number('RAMP', output, 1) / 60) * dt
      const ramps = settings.number('RAMP', output, 0) === 1 && perStep > 0
      const away = target - loop.setpoint
      loop.setpoint = ramps && Math.abs(away) > perStep ? loop.setpoint + Math.sign(away) * perStep : target
      if (settings.number('OUTMODE', output, 0) !== mode.closedLoop || !on(output)) {
        loop.integral = 0
        loop.percent = 0
        continue
      }
      const error = loop.setpoint - measured(String(settings.get('OUTMODE', output)[1]), t)
      const [p, i, d] = [0, 1, 2].map((n) => settings.number('PID', output, n)) as [number, number, number]
      loop.integral += (i / 1000) * error * dt
      const wanted = p * (error + loop.integral + (d * (error - loop.last)) / dt / 1000)
      loop.last = error
      loop.percent = Math.min(100, Math.max(0, wanted))
      // The integral must not grow while the output is at its limit.
      if (p > 0 && wanted !== loop.percent) loop.integral += (loop.percent - wanted) / p
    }
    // The warm-up heater: 1 W at full output, most of it away from the mixing chamber.
    const power = current() ** 2 * resistance() + 0.02 * (percent('1') / 100) ** 2
    heat += (power - heat) * (1 - Math.exp(-dt / lag))
  }

  /** Whether further steps would change nothing. */
  function isAtRest(): boolean {
    const isOff = ([output, { setpoint, integral, percent }]: [string, Loop]) =>
      !on(output) && setpoint === settings.number('SETP', output, 0) && integral === 0 && percent === 0
    return heat === 0 && [...loops].every(isOff)
  }

  return {
    advance(t) {
      const until = Math.floor(t * rate)
      tick = Math.max(tick, isAtRest() ? until : until - catchUp * rate)
      while (tick < until) step(++tick / rate)
    },
    warmed: (kelvin) => Math.sqrt(kelvin ** 2 + heat / coolingPower),
    sample: () => (inPower() ? current() ** 2 * resistance() : percent('0')),
    percent,
    setpoint: (output) => loops.get(output)?.setpoint ?? 0,
    ramping: (output) => loops.get(output)?.setpoint !== settings.number('SETP', output, 0),
    setSetpoint(output, kelvin) {
      settings.put('SETP', output, [kelvin])
      const loop = loops.get(output)
      const ramps = settings.number('RAMP', output, 0) === 1 && settings.number('RAMP', output, 1) > 0
      if (loop && !ramps) loop.setpoint = kelvin
    },
    allOff() {
      for (const output of ['0', '1', '2']) settings.put('RANGE', output, [0])
    },
  }
}
