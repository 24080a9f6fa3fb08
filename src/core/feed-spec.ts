/** Feeds as an agent declares them and publishes to them. */
import type { Bits } from './bits.ts'
import type { Tags } from './channels.ts'
import type { FieldType, Value } from './wire.ts'

/** A field of a block: its type in the archive (double by default), its units, what it is. */
export interface FieldSpec {
  readonly type?: FieldType
  readonly units?: string
  readonly description?: string
  /** Lowest and highest valid value (null: open). Values outside are kept, and counted as `out_of_range`. */
  readonly range?: readonly [number | null, number | null]
  /** The smallest step between two values, in the field's units; sets how many digits are shown. */
  readonly resolution?: number
  /** Seconds between two samples, or between two visits of a scanner; that of the feed by default. */
  readonly rhythm?: number
  /** For an int that is a sum of bits: what each bit means, by its value. It is shown in words. */
  readonly bits?: Bits
  /** Tags for InfluxDB, as agents of OCS publish them; `_field` is the name of the field there. */
  readonly influxdb_tags?: Tags
  /** For a double that OCS's agent of this class publishes as an integer: databases store it as one. */
  readonly influxdb_int?: boolean
  /**
   * Stands for a value that could not be read. A double is NaN then; for another type without it the whole
   * message is dropped.
   */
  readonly unread?: Value
}
/** Field specs by block and field name. */
export type Blocks = Readonly<Record<string, Readonly<Record<string, FieldSpec>>>>

/** A named stream of an agent. */
export interface FeedSpec<I> {
  readonly help: string
  /** Whether the recorder keeps it. */
  readonly record: boolean
  /** The longest span of one frame in the `.g3` file, in seconds of data; 300 by default, as in OCS. */
  readonly frame_length?: number | ((instrument: I) => number)
  /** Record it, but keep it out of databases; false by default. */
  readonly exclude_influx?: boolean
  /** Seconds between two samples, for fields without a rhythm of their own; unknown by default. */
  readonly rhythm?: number | ((instrument: I) => number | undefined)
  /** Seconds over which samples are gathered into one row; 0 by default: each message goes out at once. */
  readonly buffer_time?: number
  /** Its blocks, either fixed or depending on the instrument that is connected. */
  readonly blocks: Blocks | ((instrument: I) => Blocks)
  /**
   * The blocks of a usual instrument where `blocks` is a function, for dashboards drawn before one is
   * connected.
   */
  readonly typical?: Blocks
}

/** One feed as an operation publishes to it. */
export interface FeedPublisher {
  /**
   * Publishes co-sampled values of a block: one sample, or as many as there are times (unix s, UTC, of the
   * readings). A value that does not fit its field, or has no field, is dropped, counted and reported once;
   * nothing is thrown.
   */
  publish(
    block: string,
    time: number | readonly number[],
    values: Readonly<Record<string, Value | readonly Value[]>>,
  ): void
  /** Publishes any JSON on a feed that is not recorded; what JSON cannot hold is quarantined. */
  send(message: unknown): void
  /**
   * Call it when the instrument has changed: `blocks` is evaluated again, and a different result begins a new
   * epoch.
   */
  redeclare(): void
}
