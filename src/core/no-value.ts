import type { FieldType, Wire } from './wire.ts'

/** What stands for a reading that is no number (NaN): an output that is off, a sensor that is open. */
export const NO_VALUE = 'no value'

/** Whether a reading came, and has no value. */
export function hasNoValue(type: FieldType | undefined, wire: Wire | undefined): boolean {
  return wire === null || (wire === 'NaN' && type !== 'string')
}
