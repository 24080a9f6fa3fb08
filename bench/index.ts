import type { Bench } from './bench.ts'
import { archive } from './benches/archive.ts'
import { calls } from './benches/calls.ts'
import { catchUp } from './benches/catch-up.ts'
import { start, status } from './benches/commands.ts'
import { demo } from './benches/demo.ts'
import { g3 } from './benches/g3.ts'
import { growth } from './benches/growth.ts'
import { fanOut, hubQos0, hubQos1 } from './benches/hub-rate.ts'
import { hubRoles } from './benches/hub-roles.ts'
import { kilohertz } from './benches/kilohertz.ts'
import { latency } from './benches/latency.ts'
import { pythonAgents } from './benches/python-agents.ts'
import { query } from './benches/query.ts'
import { toG3 } from './benches/to-g3.ts'
import { trio } from './benches/trio.ts'

/** Every bench, in the order of the table. */
export const benches: readonly Bench[] = [
  hubQos0,
  hubQos1,
  fanOut,
  hubRoles,
  latency,
  trio,
  pythonAgents,
  demo,
  status,
  start,
  calls,
  g3,
  toG3,
  kilohertz,
  catchUp,
  query,
  archive,
  growth,
]
