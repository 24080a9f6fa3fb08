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

/** Grafana's id of a unit; one that it does not know is written behind the number as it is. */
export function unitId(units: string): string {
  return UNITS[units] ?? `suffix: ${units}`
}
