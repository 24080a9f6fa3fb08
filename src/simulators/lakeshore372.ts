import { type BridgeSetup, type Measurement, measure } from './bridge-input.ts'
import type { Curve } from './curve.ts'
import { convertBy, curveCommand } from './curve-commands.ts'
import { createHeaters } from './heaters.ts'
import { inputs, measurementInputs, settingsTable } from './lakeshore372-settings.ts'
import { engineering, fixed, scientific } from './numbers.ts'
import { createCryostat, type Stage } from './physics.ts'
import { noise, uniform } from './random.ts'
import { createScanner } from './scanner.ts'
import { calibrate, cernox, rox, type Sensor } from './sensors.ts'
import { canonical, createSettings, parseNumber, Refusal } from './settings.ts'
import {
  contextOf,
  type Dialect,
  type DialectContext,
  type Simulator,
  type SimulatorOptions,
  serve,
} from './simulator.ts'
import type { Reading } from './truth.ts'

/** Where the sensors sit: two Cernox on the pulse tube, ruthenium oxide below; `calibrated` ones have a curve in a slot. */
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
const curveSlots = Array.from({ length: 59 }, (_, i) => String(i + 1))
const readingCommands: Record<string, [Reading['quantity'], (m: Measurement) => number]> = {
  'KRDG?': ['kelvin', (m) => m.kelvin],
  'RDGK?': ['kelvin', (m) => m.kelvin],
  'SRDG?': ['sensor', (m) => m.ohms],
  'RDGR?': ['sensor', (m) => m.ohms],
  'RDGPWR?': ['power', (m) => m.power],
  'QRDG?': ['quadrature', (m) => m.quadrature],
}

/**
 * A Lake Shore 372 with a 16 channel scanner and the control input A. Channels 1–15 are enabled, 4 s each after a pause of
 * 3 s; 14 and 15 have no curve and read 0 K. A channel that is not connected, or still in its pause, shows its last reading and
 * status. Commands may be chained by `;`; refused ones leave no reply but a bit in `*ESR?`. Out of its curve's range
 * the temperature reads zero, with the bit of RDGST that says why.
 */
export function createLakeshore372(context: DialectContext): Dialect {
  const { seed, faults, now, count } = context
  const start = now()
  const cryostat = createCryostat(context)
  const settings = createSettings(settingsTable, ' ')
  const curves = new Map<string, Curve>([['1', calibrate(rox(), 'RX-102A', 'STANDARD', [0.05, 40])]])
  const store = { curves, keys: curveSlots, firstWritable: 21, formats: [4, 3, 7], padded: true }
  const sensors = new Map<string, { stage: Stage; sensor: Sensor }>()
  const held = new Map<string, Measurement>()
  let events = 128 // power on

  for (const [i, key] of inputs.entries()) {
    const place = mounted[i]
    if (!place) continue
    const spread = 0.05 * (uniform(seed, `sensor ${key}`, 0) - 0.5)
    const sensor = place.sensor === 'rox' ? rox(spread) : cernox(spread)
    sensors.set(key, { stage: place.stage, sensor })
    const slot = 21 + i
    const span: [number, number] = place.sensor === 'rox' ? [0.02, 40] : [0.1, 325]
    const type = place.sensor === 'rox' ? 'RX-102' : 'CX-1010'
    if (place.calibrated) curves.set(String(slot), calibrate(sensor, type, `X${40000 + slot}`, span))
    settings.put('INSET', key, [key === '16' ? 0 : 1, 4, 3, place.calibrated ? slot : 0, 1])
    settings.put('INNAME', key, [place.name])
  }

  /** The temperature at an input without noise, as the control loops feel it. */
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

  /** What an input shows now: live where it is connected and settled, else its last reading. */
  function shown(key: string): Measurement {
    const live = key === 'A' || (Number(key) === scanner.channel && scanner.settled)
    const kept = held.get(key)
    if (!live && kept) return kept
    return measureAt(key, now())
  }

  /** A live input above its temperature limit switches all heaters off. */
  function watchLimits(): void {
    for (const key of ['A', String(scanner.channel)]) {
      const limit = settings.number('TLIMIT', key, 0)
      if (limit > 0 && shown(key).kelvin > limit) heaters.allOff()
    }
  }

  function inputOf(args: readonly string[], from: readonly string[] = inputs): string {
    const key = canonical(args[0] ?? '')
    if (args.length !== 1 || !from.includes(key)) throw new Refusal(16)
    return key
  }

  function query(name: string, args: readonly string[], readings: Reading[]): string {
    const reading = readingCommands[name]
    if (reading) {
      const key = inputOf(args, name === 'QRDG?' ? measurementInputs : inputs)
      const [quantity, value] = reading
      const text = count ? `+${count()}` : scientific(value(shown(key)))
      readings.push({ channel: key === 'A' ? 'A' : Number(key), quantity, value: Number(text) })
      return text
    }
    const output = canonical(args[0] ?? '') || '0'
    switch (name) {
      case '*IDN?':
        return `LSCI,MODEL372,${faults.serialNumber ?? context.serialNumber},1.3`
      case '*ESR?': {
        const shownEvents = events
        events = 0
        return String(shownEvents)
      }
      case '*OPC?':
        return '1'
      case '*TST?':
      case '*STB?':
        return '0'
      case 'SCAN?':
        return `${String(scanner.channel).padStart(2, '0')},${scanner.autoscan ? 1 : 0}`
      case 'RDGST?':
        return String(shown(inputOf(args)).status).padStart(3, '0')
      case 'INTYPE?': {
        const key = inputOf(args)
        const [mode, excitation, autorange, range, ...rest] = settings.get('INTYPE', key)
        if (autorange === 1 && key !== 'A') {
          settings.put('INTYPE', key, [
            mode ?? 0,
            excitation ?? 1,
            1,
            shown(key).range || (range ?? 1),
            ...rest,
          ])
        }
        return settings.show('INTYPE', args)
      }
      case 'HTR?': {
        if (output !== '0') throw new Refusal(16)
        const inPower = settings.number('HTRSET', '0', 3) === 2
        return engineering(
          inPower ? heaters.current() ** 2 * settings.number('HTRSET', '0', 0) : heaters.current(),
        )
      }
      case 'HTRST?':
        return '0'
      case 'AOUT?':
        if (!['1', '2'].includes(output)) throw new Refusal(16)
        return fixed(2, 5)(heaters.percent(output))
      case 'SETP?':
        if (!['0', '1'].includes(output)) throw new Refusal(16)
        return scientific(heaters.setpoint(output))
      case 'RAMPST?':
        if (!['0', '1'].includes(output)) throw new Refusal(16)
        return heaters.ramping(output) ? '1' : '0'
      case 'HTRSET?': {
        const text = settings.show('HTRSET', args)
        // The warm-up heater's resistance is a code: 1 for 25 Ω, 2 for 50 Ω.
        return output === '1' ? text.replace(/^\+0*(\d+)\.\d*/, '$1') : text
      }
      case 'CRVHDR?':
      case 'CRVPT?':
        return curveCommand(store, name, args) ?? ''
      default:
        return settings.show(name.slice(0, -1), args)
    }
  }

  function command(name: string, args: readonly string[]): void {
    switch (name) {
      case '*CLS':
        events = 0
        return
      case '*OPC':
        events |= 1
        return
      case '*RST':
        heaters.allOff()
        return
      case '*WAI':
      case 'ALMRST':
      case 'EMUL':
        return
      case 'DFLT':
        if (parseNumber(args[0] ?? '') !== 99) throw new Refusal(16)
        settings.reset()
        return
      case 'SCAN': {
        const key = inputOf(args.slice(0, 1), measurementInputs)
        if (!setup(Number(key)).enabled) throw new Refusal(16)
        const autoscan = args[1] === undefined ? scanner.autoscan : parseNumber(args[1]) === 1
        scanner.select(Number(key), autoscan)
        return
      }
      case 'INSET': {
        // Lake Shore's client disables an input by zeros throughout; the rest of the setup then stays.
        const disable = args.length > 1 && parseNumber(args[1] ?? '') === 0
        settings.set('INSET', disable ? args.slice(0, 2) : args)
        return
      }
      case 'INTYPE':
        checkExcitation(args)
        // What is held during the new pause is the last reading with the old excitation.
        if (canonical(args[0] ?? '') === String(scanner.channel)) scanner.unsettle()
        settings.set('INTYPE', args)
        return
      case 'RANGE':
        if (canonical(args[0] ?? '') !== '0' && parseNumber(args[1] ?? '') > 1) throw new Refusal(16)
        settings.set('RANGE', args)
        return
      case 'SETP': {
        const [output, kelvin] = args.length === 1 ? ['0', args[0]] : args
        if (!['0', '1'].includes(canonical(output ?? '')) || args.length > 2) throw new Refusal(16)
        heaters.setSetpoint(canonical(output ?? ''), parseNumber(kelvin ?? ''))
        return
      }
      case 'CRVHDR':
      case 'CRVPT':
      case 'CRVDEL':
        curveCommand(store, name, args)
        return
      default:
        settings.set(name, args)
    }
  }

  return (line) => {
    const t = now()
    scanner.advance(t)
    heaters.advance(t)
    watchLimits()
    const readings: Reading[] = []
    const replies: string[] = []
    for (const part of splitOutsideQuotes(line, /;/)) {
      const [, header = '', rest = ''] = /^[\s:]*(\*?[A-Za-z]+\??)\s*(.*)$/.exec(part) ?? []
      const name = header.toUpperCase()
      const args = splitOutsideQuotes(rest.trim(), /\s*,\s*|\s+/).map((arg) => arg.replaceAll('"', ''))
      try {
        if (header === '' && part.trim() !== '') throw new Refusal(32)
        if (name.endsWith('?')) replies.push(query(name, rest.trim() === '' ? [] : args, readings))
        else if (name !== '') command(name, rest.trim() === '' ? [] : args)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        events |= error.bit
      }
    }
    return replies.length > 0 ? { text: replies.join(';'), readings } : undefined
  }
}

/** Excitations: 12 voltages, 22 currents, 6 on the control input. */
function checkExcitation(args: readonly string[]): void {
  const [key, mode, excitation] = args
  if (!excitation) return
  const highest = canonical(key ?? '') === 'A' ? 6 : mode === '0' ? 12 : 22
  if (parseNumber(excitation) > highest) throw new Refusal(16)
}

function splitOutsideQuotes(text: string, separator: RegExp): string[] {
  return text.split(new RegExp(`(?:${separator.source})(?=(?:[^"]*"[^"]*")*[^"]*$)`))
}

/**
 * Starts a simulated Lake Shore 372 on a TCP port; like the real one it takes two connections and refuses a third.
 * @throws UsageError for options that cannot be meant, ConfigError when the port or the truth log cannot be opened.
 */
export function startLakeshore372(options: SimulatorOptions): Promise<Simulator> {
  const context = contextOf(options)
  return serve(createLakeshore372(context), context, options, 2)
}
