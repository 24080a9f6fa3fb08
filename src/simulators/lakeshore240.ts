import { type Curve, emptyCurve } from './curve.ts'
import { convertBy, curveCommand } from './curve-commands.ts'
import { sixDigits } from './numbers.ts'
import { createCryostat, type Stage } from './physics.ts'
import { noise, uniform } from './random.ts'
import { calibrate, diode } from './sensors.ts'
import { canonical, createSettings, digits, parseNumber, Refusal, type Setting, text } from './settings.ts'
import {
  contextOf,
  type Dialect,
  type DialectContext,
  type Simulator,
  type SimulatorOptions,
  serve,
} from './simulator.ts'
import type { Reading } from './truth.ts'

const channels = ['1', '2', '3', '4', '5', '6', '7', '8']
const everything = ['']
const units = digits(1, 1, 4)

/**
 * Commands that store and show parameters, following the Model 240 command set as used by Lake Shore's Python
 * client.
 */
const settingsTable: Record<string, Setting> = {
  MODNAME: { keys: everything, fields: [text(32)], initial: () => ['Model 240'] },
  // sensor type, autorange, range, current reversal, units, enabled
  INTYPE: {
    keys: channels,
    fields: [digits(1, 1, 3), digits(1, 0, 1), digits(1, 0, 8), digits(1, 0, 1), units, digits(1, 0, 1)],
    initial: () => [1, 0, 0, 0, 1, 0],
  },
  INNAME: { keys: channels, fields: [text(15)], initial: (key) => [`Channel ${key}`] },
  FILTER: { keys: channels, fields: [digits(1, 1, 100)], initial: () => [10] },
  BRIGT: { keys: everything, fields: [digits(1, 0, 100)], initial: () => [25] },
  ADDR: { keys: everything, fields: [digits(1, 1, 126)], initial: () => [126] },
  PROFINUM: { keys: everything, fields: [digits(1, 1, 8)], initial: () => [8] },
  PROFISLOT: { keys: channels, fields: [digits(1, 1, 8), units], initial: (key) => [Number(key), 1] },
}

/**
 * The mounted sensors: six silicon diodes on the 4 K plate, one with a curve, as where diodes are calibrated.
 */
const mounted: readonly { name: string; stage: Stage; calibrated: boolean }[] = [
  { name: '4K plate', stage: '4K', calibrated: true },
  ...[2, 3, 4, 5, 6].map((n) => ({ name: `Diode ${n}`, stage: '4K' as const, calibrated: false })),
]

/** Readings of each input per second. */
const rate = 10
/** RDGST bits, named as in Lake Shore's client. */
const status = { ok: 0, invalid: 1, kelvinUnder: 16, kelvinOver: 32, sensorOver: 64 }

/**
 * A Lake Shore 240-8P with silicon diodes at inputs 1 to 6, the first calibrated; 7 and 8 are open and
 * disabled. Each line is one command; strings are unquoted; unknown or out-of-range commands are silently
 * ignored, without a reply. Without a curve the temperature reads `+0.00000` and the status stays 000, since
 * the sensor reading itself is valid. Outside the curve's range the temperature reads zero with bit 16 or 32;
 * an open sensor, or one of another type than INTYPE says, reads zero with bit 64; a disabled input reads
 * zero with bit 1.
 */
export function createLakeshore240(context: DialectContext): Dialect {
  context.faults.refuse('value', () => 'this instrument simulates physics: use overload channel=N')
  const { seed, faults, now, count } = context
  const start = now()
  const cryostat = createCryostat(context)
  const settings = createSettings(settingsTable, ',')
  const sensors = mounted.map((_, i) => diode(0.004 * (uniform(seed, `diode ${i}`, 0) - 0.5)))
  const curves = new Map<string, Curve>(channels.map((key) => [key, emptyCurve(2)]))
  const store = { curves, keys: channels, firstWritable: 1, formats: [2, 3, 4], padded: false }
  for (const [i, { name, calibrated }] of mounted.entries()) {
    const key = String(i + 1)
    const sensor = sensors[i]
    settings.put('INTYPE', key, [1, 0, 0, 0, 1, 1])
    settings.put('INNAME', key, [name])
    if (calibrated && sensor) curves.set(key, calibrate(sensor, 'DT-670', `D${61000 + i}`, [1.4, 325]))
  }

  /** The sensor reading in V as displayed, and the curve's temperature for exactly that value. */
  function measure(key: string): { volts: number; kelvin: number; bits: number } {
    const channel = Number(key)
    const sensor = sensors[channel - 1]
    const place = mounted[channel - 1]
    const off = { volts: 0, kelvin: 0 }
    if (settings.number('INTYPE', key, 5) === 0) return { ...off, bits: status.invalid }
    if (!sensor || !place) return { ...off, bits: status.sensorOver }
    if (faults.overloaded(channel) || settings.number('INTYPE', key, 0) !== 1) {
      return { ...off, bits: status.sensorOver }
    }
    const tick = Math.floor(now() * rate)
    const hidden = cryostat({ stage: place.stage, key }, tick / rate - start)
    const sigma = 2e-5 / Math.sqrt(settings.number('FILTER', key, 0) / 10)
    const volts = Number((sensor.respond(hidden) + sigma * noise(seed, `input ${key}`, tick)).toPrecision(6))
    const { kelvin, range } = convertBy(store, key, volts)
    const bits = { ok: status.ok, none: status.ok, under: status.kelvinUnder, over: status.kelvinOver }[range]
    return { volts, kelvin, bits }
  }

  const readingCommands: Record<string, [Reading['quantity'], (m: ReturnType<typeof measure>) => number]> = {
    'KRDG?': ['kelvin', ({ kelvin }) => kelvin],
    'CRDG?': ['celsius', ({ kelvin }) => (kelvin === 0 ? 0 : kelvin - 273.15)],
    'FRDG?': ['fahrenheit', ({ kelvin }) => (kelvin === 0 ? 0 : kelvin * 1.8 - 459.67)],
    'SRDG?': ['sensor', ({ volts }) => volts],
  }

  function query(name: string, args: readonly string[], readings: Reading[]): string {
    const key = canonical(args[0] ?? '')
    const reading = readingCommands[name]
    if (reading) {
      if (!channels.includes(key)) throw new Refusal(16)
      const [quantity, value] = reading
      const shown = count ? `+${count()}` : sixDigits(value(measure(key)))
      readings.push({ channel: Number(key), quantity, value: Number(shown) })
      return shown
    }
    switch (name) {
      case '*IDN?':
        return `LSCI,MODEL240-8P,${faults.serialNumber ?? context.serialNumber},1.3`
      case 'RDGST?':
        if (!channels.includes(key)) throw new Refusal(16)
        return String(measure(key).bits).padStart(3, '0')
      case 'PROFISTAT?':
        return '0'
      case 'CRVHDR?':
      case 'CRVPT?':
        return curveCommand(store, name, args) ?? ''
      default:
        return settings.show(name.slice(0, -1), args)
    }
  }

  function command(name: string, args: readonly string[]): void {
    if (name === 'CRVHDR' || name === 'CRVPT' || name === 'CRVDEL') curveCommand(store, name, args)
    else if (name === 'DFLT') {
      // Curves are calibration, not configuration, so they stay.
      if (parseNumber(args[0] ?? '') === 99) settings.reset()
    } else if (name === 'BRIGT' && ![0, 25, 50, 75, 100].includes(Number(args[0]))) throw new Refusal(16)
    else settings.set(name, args)
  }

  return (line) => {
    const [, header = '', rest = ''] = /^(\*?[A-Za-z]+\??)\s*(.*)$/.exec(line) ?? []
    const args = rest === '' ? [] : rest.split(',')
    const readings: Reading[] = []
    const name = header.toUpperCase()
    try {
      if (name.endsWith('?')) return { text: query(name, args, readings), readings }
      command(name, args)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
    }
    return undefined
  }
}

/**
 * Starts a simulated Lake Shore 240 on a pseudo-terminal or a TCP port.
 * @throws UsageError for invalid options, ConfigError if the link or the truth log cannot be opened
 */
export function startLakeshore240(options: SimulatorOptions): Promise<Simulator> {
  const context = contextOf(options)
  return serve(createLakeshore240(context), context, options, 1)
}
