import { unitsBehind } from '../core/shown-value.ts'

/** Grafana's ids of the units that instruments here have. */
const UNITS: Readonly<Record<string, string>> = {
  K: 'kelvin',
  C: 'celsius',
  '°C': 'celsius',
  V: 'volt',
  A: 'amp',
  W: 'watt',
  Ω: 'ohm',
  Ohm: 'ohm',
  Hz: 'hertz',
  s: 's',
  '%': 'percent',
  B: 'bytes',
  mBar: 'pressurembar',
  mbar: 'pressurembar',
  hPa: 'pressurehpa',
  'm/s': 'velocityms',
  'km/h': 'velocitykmh',
  deg: 'degree',
  mm: 'lengthmm',
}

/** What Grafana needs to draw fields that nobody knows yet, whose names end in their units: an axis for each. */
export function unitsByName(): readonly {
  readonly matcher: object
  readonly properties: readonly object[]
}[] {
  return Object.entries(UNITS).map(([unit, value]) => ({
    matcher: { id: 'byRegexp', options: `/\\.${unit.replaceAll('/', '\\/')}$/` },
    properties: [{ id: 'unit', value }],
  }))
}

/** Grafana's id of a unit; one that it does not know is written behind the number as it is. */
export function unitId(units: string): string {
  return UNITS[units] ?? `suffix: ${unitsBehind(units)}`
}
