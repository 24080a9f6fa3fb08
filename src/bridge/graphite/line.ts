import { numeric } from '../../lab/fetch-curves.ts'

/** A curve as Graphite answers it, times in seconds. */
export interface Line {
  /** The names it was drawn from, which functions by node count in. */
  readonly path: string
  /** What stands in the legend. */
  readonly target: string
  readonly tags: Readonly<Record<string, string>>
  readonly datapoints: readonly Point[]
  /** Seconds from one point to the next where all goes well; 0 where nobody can say. */
  readonly step: number
}
/** A value, null where there is none, and its time in seconds. */
export type Point = readonly [value: number | null, time: number]
export type Value = string | number | boolean

/** A line under the name of what was done to it, with other values. */
export function changed(
  line: Line,
  target: string,
  datapoints: readonly Point[],
  more: Partial<Line> = {},
): Line {
  return { ...line, ...more, target, tags: { ...(more.tags ?? line.tags), name: target }, datapoints }
}

/** The values of a line, each by a function of it; what is no finite number is null. */
export function mapped(line: Line, act: (value: number) => number): Point[] {
  return line.datapoints.map(([value, time]) => [value === null ? null : numeric(act(value)), time])
}

/** Tags with another unit; none where it is undefined. */
export function withUnit({ unit: _, ...tags }: Line['tags'], unit: string | undefined): Line['tags'] {
  return unit === undefined ? tags : { ...tags, unit }
}
