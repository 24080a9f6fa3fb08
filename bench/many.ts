import { join } from 'node:path'
import { ROOT, type Running } from '../test/real/roles.ts'
import type { BenchLab } from './lab.ts'
import { aggregator, startOn } from './site.ts'

/** Starts as many agents as asked for, in one process of the tests, each with a spool of its own; waits until all run. */
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

/** Starts a recorder of whatever agents there are, as no site file names them. @param frame s of data in a frame at most */
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

/** What `ocs audit` says of one epoch of a feed. */
interface AuditedEpoch {
  readonly epoch: string
  readonly recorded: number
  readonly gaps: readonly unknown[]
}

/** What `ocs audit` says of a folder of files, and its exit code. */
export async function audited(
  lab: BenchLab,
  dir: string,
): Promise<{ readonly code: number; readonly epochs: readonly AuditedEpoch[] }> {
  const { code, out } = await lab.run(['audit', '--data-dir', dir, '--json'], {}, 120)
  const { epochs } = JSON.parse(out || '{"epochs":[]}') as { epochs: AuditedEpoch[] }
  return { code: code ?? -1, epochs }
}
