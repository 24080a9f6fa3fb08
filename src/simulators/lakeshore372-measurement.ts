import { type BridgeSetup, type Measurement, measure } from './bridge-input.ts'
import { type CurveStore, convertBy } from './curve-commands.ts'
import { createHeaters, type Heaters } from './heaters.ts'
import { inputs, measurementInputs } from './lakeshore372-settings.ts'
import { createCryostat, type Stage } from './physics.ts'
import { noise, uniform } from './random.ts'
import { createScanner, type Scanner } from './scanner.ts'
import { calibrate, cernox, rox, type Sensor } from './sensors.ts'
import type { Settings } from './settings.ts'
import type { DialectContext } from './simulator.ts'

/**
 * The mounted sensors: two Cernox on the pulse tube, ruthenium oxide below; `calibrated` ones have a curve in
 * a slot.
 */
const mounted: readonly { name: string; stage: Stage; sensor: Sensor['kind']; calibrated: boolean }[] = [
  { name: '50K plate', stage: '50K', sensor: 'cernox', calibrated: true },
  { name: '4K plate', stage: '4K', sensor: 'cernox', calibrated: true },
  { name: 'Still', stage: 'still', sensor: 'rox', calibrated: true },
  { name: '1K shield', stage: 'still', sensor: 'cernox', calibrated: true },
  ...Array.from({ length: 9 }, (_, i) => ({
    name: i === 0 ? 'Mixing chamber' : `Focal plane ${i}`,
    stage: 'mc' as const,
    sensor: 'rox' as const,
    calibrated: true,
  })),
  { name: 'Uncalibrated 1', stage: 'mc', sensor: 'rox', calibrated: false },
  { name: 'Uncalibrated 2', stage: 'mc', sensor: 'rox', calibrated: false },
  { name: 'Spare', stage: 'mc', sensor: 'rox', calibrated: false },
  { name: 'Control', stage: 'mc', sensor: 'rox', calibrated: true },
]

/** Readings of the connected input and of the control input per second. */
const rate = 10

/**
 * The measuring half of a Model 372: sensors in a cryostat, bridge, scanner and heaters, according to the
 * settings.
 */
export interface Bridge {
  readonly scanner: Scanner
  readonly heaters: Heaters
  /** Advances everything to time `t` (s); readings are those of this time until the next call. */
  advance(t: number): void
  /** The displayed reading of an input: live if it is connected and settled, else its last reading. */
  shown(key: string): Measurement
}

/** Mounts and calibrates the sensors, writing names, setups and curves into `settings` and `store`. */
export function createBridge(context: DialectContext, settings: Settings, store: CurveStore): Bridge {
  const { seed, faults } = context
  const start = context.now()
  let now = start
  const cryostat = createCryostat(context)
  const sensors = new Map<string, { stage: Stage; sensor: Sensor }>()
  const held = new Map<string, Measurement>()

  for (const [i, key] of inputs.entries()) {
    const place = mounted[i]
    if (!place) continue
    const spread = 0.05 * (uniform(seed, `sensor ${key}`, 0) - 0.5)
    const sensor = place.sensor === 'rox' ? rox(spread) : cernox(spread)
    sensors.set(key, { stage: place.stage, sensor })
    const slot = 21 + i
    const span: [number, number] = place.sensor === 'rox' ? [0.02, 40] : [0.1, 325]
    const type = place.sensor === 'rox' ? 'RX-102' : 'CX-1010'
    if (place.calibrated) store.curves.set(String(slot), calibrate(sensor, type, `X${40000 + slot}`, span))
    settings.put('INSET', key, [key === '16' ? 0 : 1, 4, 3, place.calibrated ? slot : 0, 1])
    settings.put('INNAME', key, [place.name])
  }

  /** The temperature at an input without noise, as seen by the control loops. */
  function hidden(key: string, t: number): number {
    const mount = sensors.get(key)
    if (!mount) return 0
    const kelvin = cryostat({ stage: mount.stage, key }, t - start)
    return mount.stage === 'mc' ? heaters.warmed(kelvin) : kelvin
  }

  const heaters = createHeaters(settings, start, hidden)
  const setup = (channel: number) => {
    const [enabled, dwell, pause] = settings.get('INSET', String(channel))
    return { enabled: enabled === 1, dwell: Number(dwell), pause: Number(pause) }
  }
  const scanner = createScanner(16, start, setup, (channel, t) => {
    heaters.advance(t)
    held.set(String(channel), measureAt(String(channel), t))
  })
  // An instrument that has been scanning for a while holds a reading of every channel.
  for (const key of measurementInputs) held.set(key, measureAt(key, start))

  function measureAt(key: string, t: number): Measurement {
    const tick = Math.floor(t * rate)
    const [mode, excitation, autorange, range, shunted] = settings.get('INTYPE', key).map(Number)
    const bridge: BridgeSetup = {
      control: key === 'A',
      currentMode: mode === 1,
      excitation: excitation ?? 1,
      autorange: autorange !== 0,
      range: range ?? 1,
      shunted: shunted === 1,
    }
    const [filtered, settle] = settings.get('FILTER', key).map(Number)
    const quieter = filtered === 1 ? 1 / Math.sqrt((settle ?? 1) * rate) : 1
    const gauss = (part: string): number => quieter * noise(seed, `${part} ${key}`, tick)
    const kelvin = hidden(key, tick / rate)
    const ohms = sensors.get(key)?.sensor.respond(kelvin) ?? 0
    const open = faults.overloaded(key === 'A' ? 'A' : Number(key))
    const curve = String(settings.get('INSET', key)[3])
    return measure(ohms, bridge, open, [gauss('in phase'), gauss('quadrature')], (shown) =>
      convertBy(store, curve, shown),
    )
  }

  function shown(key: string): Measurement {
    const live = key === 'A' || (Number(key) === scanner.channel && scanner.settled)
    const kept = held.get(key)
    if (!live && kept) return kept
    return measureAt(key, now)
  }

  /** A live input above its temperature limit switches all heaters off. */
  function watchLimits(): void {
    for (const key of ['A', String(scanner.channel)]) {
      const limit = settings.number('TLIMIT', key, 0)
      if (limit > 0 && shown(key).kelvin > limit) heaters.allOff()
    }
  }

  return {
    scanner,
    heaters,
    advance(t) {
      now = t
      scanner.advance(t)
      heaters.advance(t)
      watchLimits()
    },
    shown,
  }
}
