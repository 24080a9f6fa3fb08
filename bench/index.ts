import type { Bench } from './bench.ts'
import { fanOut, hubQos0, hubQos1 } from './benches/hub-rate.ts'
import { latency } from './benches/latency.ts'

/** Every bench, in the order of the table. */
export const benches: readonly Bench[] = [hubQos0, hubQos1, fanOut, latency]
