import { overdueAfter } from '../../core/rhythm.ts'
import type { FieldView } from './shape.ts'

/**
 * Minimum seconds after which a value counts as old, and the number of usual intervals if no rhythm is
 * declared.
 */
const STALE_SECONDS = 10
const STALE_STEPS = 5

/** Seconds after which a field's last value is old. */
export function staleAfter({ rhythm, interval }: Pick<FieldView, 'rhythm' | 'interval'>): number {
  return rhythm === null
    ? Math.max(STALE_SECONDS, STALE_STEPS * (interval ?? 0))
    : overdueAfter(rhythm, STALE_SECONDS)
}

/**
 * Seconds of the past that contain the last values of fields; slow ones may be from before the time shown.
 */
export function reachOf(span: number, fields: readonly Pick<FieldView, 'rhythm' | 'interval'>[]): number {
  return Math.max(span, ...fields.map(staleAfter))
}
