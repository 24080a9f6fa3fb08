import type { Conversion } from './curve.ts'
import { scientific } from './numbers.ts'

/** RDGST bits of the Model 372. */
const inputStatus = {
  currentSource: 1,
  commonMode: 2,
  over: 16,
  under: 32,
  kelvinOver: 64,
  kelvinUnder: 128,
}

/** The settings of one input of the bridge: the parameters of INTYPE. */
export interface BridgeSetup {
  control: boolean
  currentMode: boolean
  excitation: number
  autorange: boolean
  range: number
  shunted: boolean
}

/** One measurement, each number exactly as displayed. */
export interface Measurement {
  ohms: number
  kelvin: number
  /** Power in the sensor, W. */
  power: number
  quadrature: number
  status: number
  /** The resistance range used. */
  range: number
}

const openSensor = inputStatus.currentSource | inputStatus.commonMode

/** Full scale (Ω) of the resistance ranges 1–22: 2 mΩ to 63.2 MΩ in half decades. */
function rangeOhms(range: number): number {
  return 2e-3 * 10 ** ((range - 1) / 2)
}

/** Excitation of an input at a resistance: V for voltage mode 2 µV–632 mV, A for current 1 pA–31.6 mA; control input 316 pA–100 nA. */
function excitationCurrent(setup: BridgeSetup, ohms: number): number {
  const step = 10 ** ((setup.excitation - 1) / 2)
  if (setup.control) return 316e-12 * step
  return setup.currentMode ? 1e-12 * step : (2e-6 * step) / Math.max(ohms, 1e-3)
}

/**
 * The bridge's measurement of a sensor. The noise is that of the range, less with more excitation. A range
 * extends to 20 % above its full scale; autorange takes the smallest that suffices. The temperature is that
 * of the displayed resistance.
 * @param gauss standard normal noise for the in-phase and quadrature part.
 */
export function measure(
  trueOhms: number,
  setup: BridgeSetup,
  open: boolean,
  gauss: readonly [number, number],
  toKelvin: (ohms: number) => Conversion,
): Measurement {
  const nothing = { ohms: 0, kelvin: 0, power: 0, quadrature: 0, range: setup.range }
  if (open) return { ...nothing, status: openSensor }
  if (setup.shunted) return { ...nothing, status: inputStatus.under }
  let range = setup.range
  if (setup.autorange || setup.control) {
    range = Math.min(22, Math.max(1, Math.ceil(1 + 2 * Math.log10(trueOhms / 2e-3))))
  }
  if (trueOhms > 1.2 * rangeOhms(range)) return { ...nothing, range, status: inputStatus.over }
  const current = excitationCurrent(setup, trueOhms)
  const power = asShown(current ** 2 * trueOhms)
  const sigma = rangeOhms(range) * Math.min(1e-3, 5e-5 * (1e-6 / Math.max(current * trueOhms, 1e-9)) ** 0.5)
  const ohms = asShown(Math.max(0, trueOhms + sigma * gauss[0]))
  const quadrature = asShown(sigma * gauss[1])
  const { kelvin, range: within } = toKelvin(ohms)
  const status = { ok: 0, none: 0, over: inputStatus.kelvinOver, under: inputStatus.kelvinUnder }[within]
  return { ohms, kelvin: asShown(kelvin), power, quadrature, status, range }
}

function asShown(value: number): number {
  return Number(scientific(value))
}
