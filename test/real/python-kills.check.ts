/**
 * kill -9 of a Python agent's child, its runtime, the recorder and the hub in turn: answered rows are
 * recorded once, and unanswered ones are counted. The seed is printed; `SEED=…` repeats a run's moments.
 * `KILLS=200` is the long run.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { seeded } from '../random.ts'
import { compare, filesOf, spooled, unacknowledged } from './archive.ts'
import { type Counted, counted } from './counting.ts'
import { figure, Lab, type Line, seconds, until } from './roles.ts'

const PYTHON = process.env['OCS_SOCS_PYTHON'] ?? ''
const KILLS = Number(process.env['KILLS'] ?? 12)
setDefaultTimeout(240_000 + 15_000 * KILLS)
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

test('hub, recorder, runtime and child killed by turns: answered is recorded once, unanswered is counted', async () => {
  await using lab = new Lab({ OCS_PYTHON: PYTHON })
  figure(`seed ${SEED}`)
  const random = seeded(SEED)
  const agentFile = join(import.meta.dir, 'counting_agent.py')
  const site = lab.site(
    'instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--data-dir, data]',
    `instance-id: counting, agent-class: CountingAgent, module: ${agentFile}`,
  )
  /**
   * Rows that the runtimes have reported as lost: exact for their own child, an upper limit for another
   * runtime's.
   */
  const told = { exactly: 0, atMost: 0 }
  const onLine = ({ text }: Line) => {
    const [, atMost, rows] = /(at most )?(\d+) rows? lost: the program was killed/.exec(text) ?? []
    if (rows) told[atMost ? 'atMost' : 'exactly'] += Number(rows)
  }
  const startRuntime = () =>
    lab.start('counting', ['agent', '--instance-id', 'counting', ...site], { onLine })
  const startRecorder = () => lab.start('aggregator', ['agent', '--instance-id', 'aggregator', ...site])
  const counts = (): Counted => counted(lab, 'counting') ?? { pid: 0, rows: 0, safe: 0, left: 0 }
  const counting = (after = 0) =>
    until('a child counts', 60, () => {
      const now = counts()
      return now.pid !== after && now.safe - now.left > 5 && now
    })

  let hub = await lab.hub(...site)
  let recorder = startRecorder()
  let runtime = startRuntime()
  /** The counts of every child at its end, killed or left alone, and which process was killed. */
  const ends: (Counted & { readonly by: 'child' | 'runtime' | 'both' | 'none' })[] = []
  const kills = { hub: 0, recorder: 0, runtime: 0, child: 0, both: 0 }
  const stopped = async (signal: NodeJS.Signals) => {
    const { pid } = await counting()
    process.kill(pid, signal)
    return counts()
  }
  for (let kill = 0; kill < KILLS; kill++) {
    await counting()
    await seconds(0.2 + random())
    const whom = kill < 5 ? kill / 5 : random()
    if (whom < 0.15) {
      kills.hub++
      await hub.kill()
      await seconds(random())
      hub = await lab.hub(...site)
    } else if (whom < 0.35) {
      kills.recorder++
      await recorder.kill()
      recorder = startRecorder()
    } else if (whom < 0.55) {
      kills.runtime++
      const { pid } = await counting()
      await runtime.kill()
      await until('its child has ended', 15, () => !existsSync(`/proc/${pid}`))
      ends.push({ ...counts(), by: 'runtime' })
      runtime = startRuntime()
      await counting(pid)
    } else if (whom < 0.75) {
      kills.child++
      // Every other time nobody reads its lines, so that some are in the pipe.
      const isSlow = kills.child % 2 === 1
      const { pid, rows } = await counting()
      if (isSlow) {
        runtime.signal('SIGSTOP')
        process.kill(pid, 'SIGUSR1')
        await until('it is ahead', 20, () => counts().rows > rows + 400)
      }
      const end = await stopped('SIGSTOP')
      process.kill(end.pid, 'SIGKILL')
      runtime.signal('SIGCONT')
      ends.push({ ...end, by: 'child' })
      await counting(end.pid)
    } else {
      kills.both++
      const end = await stopped('SIGSTOP')
      await runtime.kill()
      process.kill(end.pid, 'SIGKILL')
      ends.push({ ...counts(), by: 'both' })
      runtime = startRuntime()
      await counting(end.pid)
    }
  }
  const { code, err } = await lab.run(['ctrl', 'stop', 'counting', 'acq', '--wait', ...site])
  expect(code, err).toBe(0)
  await until('everything is recorded', 120, () => unacknowledged(lab.path('state')) === 0)
  await runtime.stop()
  ends.push({ ...counts(), by: 'none' })
  await recorder.stop()

  const kept = spooled(lab.path('state'))
  const numbers = new Map<number, number[]>()
  for (const { row } of kept)
    for (const [at, run] of (row.data['run'] ?? []).entries())
      numbers.set(Number(run), [...(numbers.get(Number(run)) ?? []), Number(row.data['n']?.[at])])
  const missing = { exactly: 0, atMost: 0 }
  let unanswered = 0
  for (const { pid, rows, safe, left, by } of ends) {
    const seen = (numbers.get(pid) ?? []).sort((a, b) => a - b)
    expect(new Set(seen).size, `rows of ${pid} are there once`).toBe(seen.length)
    const answered = Math.max(0, safe - left)
    unanswered += rows - left - answered
    expect(seen.slice(0, answered), `all of ${pid} that was answered is there`).toEqual(
      Array.from({ length: answered }, (_, at) => at + 1),
    )
    missing[by === 'both' ? 'atMost' : 'exactly'] += rows - left - seen.length
  }
  figure(
    `${Object.entries(kills)
      .map(([whom, count]) => `${whom} ${count}`)
      .join(', ')}: ${kept.length} rows in ` +
      `${filesOf(lab.path('data')).length} files; ${unanswered} were not answered when their child was killed, ` +
      `of which ${missing.exactly} and ${missing.atMost} are lost; told ${told.exactly} and at most ${told.atMost}`,
  )
  expect(told.exactly).toBe(missing.exactly)
  expect(missing.exactly).toBeGreaterThan(0)
  expect(missing.atMost).toBeLessThanOrEqual(told.atMost)
  await compare(lab, lab.path('data'), kept)
})
