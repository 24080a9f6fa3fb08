import { short } from './statistics.ts'

/** The goal of a row: for its paired ratio, or for our own figure. */
export interface Goal {
  readonly of: 'ratio' | 'ours'
  readonly most?: number
  readonly least?: number
}

/** Ours divided by theirs, at most this. */
export const ratioMost = (most: number): Goal => ({ of: 'ratio', most })
/** Ours divided by theirs, at least this. */
export const ratioLeast = (least: number): Goal => ({ of: 'ratio', least })
/** Our own figure, at most this. */
export const most = (value: number): Goal => ({ of: 'ours', most: value })
/** Our own figure, at least this. */
export const least = (value: number): Goal => ({ of: 'ours', least: value })

/** `≤ 0.3 ×`, `≥ 20`. */
export function goalText({ of, most, least }: Goal): string {
  const unit = of === 'ratio' ? ' ×' : ''
  return most === undefined ? `≥ ${short(least ?? 0)}${unit}` : `≤ ${short(most)}${unit}`
}

/** Whether a value reaches the goal. */
export function reaches(value: number, { most = Infinity, least = -Infinity }: Goal): boolean {
  return value <= most && value >= least
}
