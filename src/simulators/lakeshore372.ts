import type { Measurement } from './bridge-input.ts'
import { createCommonCommands } from './common-commands.ts'
import type { Curve } from './curve.ts'
import { curveCommand } from './curve-commands.ts'
import { createBridge } from './lakeshore372-measurement.ts'
import { inputs, measurementInputs, settingsTable } from './lakeshore372-settings.ts'
import { engineering, fixed, scientific } from './numbers.ts'
import { calibrate, rox } from './sensors.ts'
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
 * A Lake Shore 372 with a 16 channel scanner and the control input A. Channels 1–15 are enabled, 4 s each
 * after a pause of 3 s; 14 and 15 have no curve and read 0 K. A channel that is not connected, or still in
 * its pause, shows its last reading and status. Commands may be chained with `;`; refused ones have no reply
 * but set a bit in `*ESR?`. Outside its curve's range the temperature reads zero, with the bit of RDGST that
 * tells the reason.
 */
export function createLakeshore372(context: DialectContext): Dialect {
  context.faults.refuse('value', () => 'this instrument simulates physics: use overload channel=N')
  const { faults, now, count } = context
  const settings = createSettings(settingsTable, ' ')
  const curves = new Map<string, Curve>([['1', calibrate(rox(), 'RX-102A', 'STANDARD', [0.05, 40])]])
  const store = { curves, keys: curveSlots, firstWritable: 21, formats: [4, 3, 7], padded: true }
  const { scanner, heaters, advance, shown } = createBridge(context, settings, store)
  const common = createCommonCommands(context)
  let reboots = 0

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
      case 'HTR?':
        if (output !== '0') throw new Refusal(16)
        return engineering(heaters.sample())
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
      case 'ZONE?':
        return settings.show('ZONE', [zoneKey(args)])
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
      case '*RST':
        heaters.allOff()
        return
      case 'ALMRST':
      case 'EMUL':
        return
      case 'DFLT':
        if (parseNumber(args[0] ?? '') !== 99) throw new Refusal(16)
        settings.reset()
        return
      case 'SCAN': {
        const key = inputOf(args.slice(0, 1), measurementInputs)
        if (settings.number('INSET', key, 0) === 0) throw new Refusal(16)
        const autoscan = args[1] === undefined ? scanner.autoscan : parseNumber(args[1]) === 1
        scanner.select(Number(key), autoscan)
        return
      }
      case 'INSET': {
        // Lake Shore's client disables an input by sending all zeros; the rest of the setup then stays.
        const disable = args.length > 1 && parseNumber(args[1] ?? '') === 0
        settings.set('INSET', disable ? args.slice(0, 2) : args)
        return
      }
      case 'INTYPE': {
        const key = canonical(args[0] ?? '')
        checkExcitation(args)
        // The reading held during the new pause is the last one with the old excitation.
        if (key === String(scanner.channel)) scanner.unsettle()
        // The control input has only one range: any value given for it is ignored.
        settings.set('INTYPE', key === 'A' ? args.map((arg, i) => (i === 4 ? '' : arg)) : args)
        return
      }
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
      case 'ZONE':
        settings.set('ZONE', [zoneKey(args), ...args.slice(2)])
        return
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
    advance(now())
    if (reboots !== faults.reboots) {
      reboots = faults.reboots
      scanner.unsettle()
    }
    const readings: Reading[] = []
    const replies: string[] = []
    for (const part of splitOutsideQuotes(line, /;/)) {
      const [, header = '', rest = ''] = /^[\s:]*(\*?[A-Za-z]+\??)\s*(.*)$/.exec(part) ?? []
      const name = header.toUpperCase()
      const words = splitOutsideQuotes(rest.trim(), /\s*,\s*|\s+/).map((arg) => arg.replaceAll('"', ''))
      const args = rest.trim() === '' ? [] : words
      try {
        if (header === '' && part.trim() !== '') throw new Refusal(32)
        const said = name === '*RST' ? undefined : common.obey(name, args)
        if (name.endsWith('?')) replies.push(said ?? query(name, args, readings))
        else if (name !== '' && said === undefined) command(name, args)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        common.refused(error)
      }
    }
    return replies.length > 0 ? { text: replies.join(';'), readings } : undefined
  }
}

/** Zones are stored by output and number. */
function zoneKey([output = '', zone = '']: readonly string[]): string {
  return `${canonical(output)}:${canonical(zone)}`
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
 * Starts a simulated Lake Shore 372 on a TCP port; like the real one it accepts two connections and refuses a
 * third.
 * @throws UsageError for invalid options, ConfigError if the port or the truth log cannot be opened
 */
export function startLakeshore372(options: SimulatorOptions): Promise<Simulator> {
  const context = contextOf(options)
  return serve(createLakeshore372(context), context, options, 2)
}
