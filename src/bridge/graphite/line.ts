import { numeric } from '../../lab/fetch-curves.ts'

/** A curve as Graphite returns it, times in seconds. */
export interface Line {
  /** The name it was drawn from; functions by node count in it. */
  readonly path: string
  /** Its text in the legend. */
  readonly target: string
  readonly tags: Readonly<Record<string, string>>
  readonly datapoints: readonly Point[]
  /** The regular interval between points, s; 0 if unknown. */
  readonly step: number
}
/** A value, null if missing, and its time in seconds. */
export type Point = readonly [value: number | null, time: number]
export type Value = string | number | boolean

/** A line with other values, named after the function that was applied. */
export function changed(
  line: Line,
  target: string,
  datapoints: readonly Point[],
  more: Partial<Line> = {},
): Line {
  return { ...line, ...more, target, tags: { ...(more.tags ?? line.tags), name: target }, datapoints }
}

/** The values of a line after applying a function to each; a result that is not finite becomes null. */
export function mapped(line: Line, act: (value: number) => number): Point[] {
  return line.datapoints.map(([value, time]) => [value === null ? null : numeric(act(value)), time])
}

/** Tags with another unit; without one if it is undefined. */
export function withUnit({ unit: _, ...tags }: Line['tags'], unit: string | undefined): Line['tags'] {
  return unit === undefined ? tags : { ...tags, unit }
}
