import { join } from 'node:path'
import { ROOT, type Running } from '../test/real/roles.ts'
import type { BenchLab } from './lab.ts'
import { aggregator, startOn } from './site.ts'

/** Starts a number of agents in one process of the tests, each with its own spool; waits until all run. */
export async function startMany(
  lab: BenchLab,
  url: string,
  { count, hertz, state }: { readonly count: number; readonly hertz: number; readonly state: string },
): Promise<Running> {
  const program = [process.execPath, join(ROOT, 'test', 'real', 'many-agents.ts')]
  const agents = lab.program(`${count}-agents`, [...program, state, String(count), String(hertz), url])
  await agents.says('all run', 60)
  return agents
}

/** Starts a recorder of all agents, which no site file names. @param frame maximum s of data in a frame */
export async function startRecorder(
  lab: BenchLab,
  url: string,
  {
    dir,
    frame,
    released = false,
  }: { readonly dir: string; readonly frame: number; readonly released?: boolean },
): Promise<Running> {
  const more = ['--frame-length', String(frame), '--record-unknown']
  const { roles } = await startOn(lab, url, [aggregator(dir)], { more, released })
  const [recorder] = roles.values()
  if (!recorder) throw new Error('no recorder was started')
  return recorder
}

/** The result of `ocs audit` for one epoch of a feed. */
interface AuditedEpoch {
  readonly epoch: string
  readonly recorded: number
  readonly gaps: readonly unknown[]
}

/** The result of `ocs audit` for a folder of files, and its exit code. */
export async function audited(
  lab: BenchLab,
  dir: string,
): Promise<{ readonly code: number; readonly epochs: readonly AuditedEpoch[] }> {
  const { code, out } = await lab.run(['audit', '--data-dir', dir, '--json'], {}, 120)
  const { epochs } = JSON.parse(out || '{"epochs":[]}') as { epochs: AuditedEpoch[] }
  return { code: code ?? -1, epochs }
}
