import type { Curve } from './curve.ts'

/** A thermometer: its response to a temperature. */
export interface Sensor {
  kind: 'diode' | 'cernox' | 'rox'
  unit: 'V' | 'Ω'
  /** V at 10 µA for a diode, Ω for a resistor. Beyond its table the end value applies. */
  respond(kelvin: number): number
}

type Table = readonly (readonly [kelvin: number, units: number])[]

/** A silicon diode like the DT-670 at 10 µA, to a few mV: [K, V]. */
const diodeTable: Table = [
  [1.4, 1.644],
  [2, 1.635],
  [3, 1.612],
  [4.2, 1.578],
  [6, 1.515],
  [8, 1.444],
  [10, 1.384],
  [14, 1.299],
  [18, 1.228],
  [20, 1.198],
  [22, 1.163],
  [24, 1.126],
  [27, 1.113],
  [32, 1.102],
  [40, 1.089],
  [50, 1.073],
  [62, 1.053],
  [77.35, 1.028],
  [100, 0.987],
  [150, 0.889],
  [200, 0.784],
  [250, 0.6735],
  [300, 0.5596],
  [350, 0.4434],
]

/** A Cernox like the CX-1010, three digits: [K, Ω]. */
const cernoxTable: Table = [
  [0.05, 80000],
  [0.1, 21400],
  [0.2, 4400],
  [0.3, 2320],
  [0.5, 1250],
  [1, 662],
  [2, 413],
  [4.2, 277],
  [10, 187],
  [20, 139],
  [40, 100],
  [77.35, 70.8],
  [150, 47.8],
  [300, 30.4],
]

/** A ruthenium oxide like the RX-102, three digits: [K, Ω]. */
const roxTable: Table = [
  [0.02, 210000],
  [0.05, 63800],
  [0.1, 19400],
  [0.2, 8150],
  [0.3, 5620],
  [0.5, 3900],
  [1, 2380],
  [2, 1740],
  [4.2, 1370],
  [10, 1170],
  [20, 1070],
  [40, 1010],
  [300, 1000],
]

/** A silicon diode; `spread` is its deviation from the standard curve, 0.001 for 0.1 %. */
export function diode(spread = 0): Sensor {
  return { kind: 'diode', unit: 'V', respond: (kelvin) => lookUp(diodeTable, kelvin) * (1 + spread) }
}

/** A Cernox resistor; `spread` as for `diode`. */
export function cernox(spread = 0): Sensor {
  return { kind: 'cernox', unit: 'Ω', respond: (kelvin) => lookUpLog(cernoxTable, kelvin) * (1 + spread) }
}

/** A ruthenium oxide resistor; `spread` as for `diode`. */
export function rox(spread = 0): Sensor {
  return { kind: 'rox', unit: 'Ω', respond: (kelvin) => lookUpLog(roxTable, kelvin) * (1 + spread) }
}

/**
 * The curve that a calibration laboratory would deliver with a sensor: breakpoints evenly spaced in log T
 * between two temperatures (K), rounded to the six digits that an instrument stores.
 */
export function calibrate(
  sensor: Sensor,
  name: string,
  serialNumber: string,
  [from, to]: readonly [number, number],
): Curve {
  const count = 120
  const points = Array.from({ length: count }, (_, i) => {
    const kelvin = Number((to * (from / to) ** (i / (count - 1))).toPrecision(6))
    const response = sensor.respond(kelvin)
    return { kelvin, units: Number((sensor.unit === 'V' ? response : Math.log10(response)).toPrecision(6)) }
  })
  return { name, serialNumber, format: sensor.unit === 'V' ? 2 : 4, limit: to, coefficient: 1, points }
}

function lookUp(table: Table, x: number): number {
  const [first, last] = [table[0], table.at(-1)]
  if (!first || !last) return 0
  if (x <= first[0]) return first[1]
  for (let i = 1; i < table.length; i++) {
    const [a, b] = [table[i - 1], table[i]]
    if (a && b && x <= b[0]) return a[1] + ((b[1] - a[1]) * (x - a[0])) / (b[0] - a[0])
  }
  return last[1]
}

const logTables = new Map<Table, Table>()

function lookUpLog(table: Table, x: number): number {
  let logs = logTables.get(table)
  if (!logs) {
    logs = table.map(([a, b]) => [Math.log(a), Math.log(b)] as const)
    logTables.set(table, logs)
  }
  return Math.exp(lookUp(logs, Math.log(x)))
}
