/**
 * A lab that runs for long: the resources that each role takes, and whether anything is missing at the end.
 */
import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Audit } from '../../src/storage/recorder/audit.ts'
import { unacknowledged } from './archive.ts'
import { DemoLab } from './demo-lab.ts'
import { figure, Lab, type Running, seconds, since, until } from './roles.ts'

/**
 * Maximum files that a recorder of a soak has open besides the newest; a run of hours has many more files.
 */
const OPEN_FILES = 20
/**
 * Maximum MB of a role; maximum growth in MB per hour, determined in a run of at least `TELLING` s: until
 * then a program settles.
 */
const MOST = 200
const SLOPE = 1
const TELLING = 10_000
/**
 * Looks at each role in a run, and the number of parts into which those after the first half are divided:
 * each part counts by its minimum.
 */
const LOOKS = 1000
const PARTS = 12
/** Sweeps per second that a module of eight channels surely reaches. */
const REACHED = 4

interface Look {
  /** h since the start */
  readonly at: number
  /** Private memory and all resident memory, MB. */
  readonly own: number
  readonly resident: number
  readonly descriptors: number
}

/**
 * Runs the lab, with all its roles on one clock.
 * @param length s of that clock
 * @param hertz sweeps per second of that clock
 * @throws Error if a limit is exceeded
 */
export async function soak(
  length: number,
  hertz: number,
  clock: { readonly speed: number; readonly env?: Readonly<Record<string, string>> } = { speed: 1 },
): Promise<void> {
  // Ten times in each part, so that its minimum is one without garbage; but at least a real second apart.
  const collect = Math.max(length / PARTS / 10, clock.speed)
  const preload = `--preload=${join(import.meta.dir, 'soak-preload.ts')}`
  await using lab = new Lab({ ...clock.env, SOAK_COLLECT_SECONDS: String(collect), BUN_OPTIONS: preload })
  const demo = new DemoLab(lab)
  const hub = await lab.hub()
  const sim = await demo.sim240()
  const roles = {
    hub,
    agent: demo.ls240(hertz),
    // It keeps its last four files open; there are more soon.
    recorder: demo.aggregator('--frame-length', '5', '--time-per-file', String(Math.min(3600, length / 20))),
    node: demo.agent('ls240-node', '--buffer-time', '120'),
    bridge: lab.start('bridge', ['bridge']),
  }
  await roles.agent.says('Channel_1 ', 60)
  if (clock.speed === 1) await until('the bridge has data', 60, async () => (await ask()) > 0)
  const looks = Object.fromEntries(Object.keys(roles).map((name) => [name, [] as Look[]]))
  const start = performance.now()
  const passed = () => since(start) * clock.speed
  let asked = 0
  let unanswered = 0
  while (passed() < length) {
    await seconds(length / LOOKS / clock.speed)
    asked++
    if ((await ask()) === 0) unanswered++
    // A client that connects, receives retained messages, and leaves.
    await lab
      .program('visitor', ['mosquitto_sub', '-t', 'observatory/#', '-C', '5'], { onLine() {} })
      .ended(60)
    for (const [name, role] of Object.entries(roles)) looks[name]?.push(lookAt(role, passed() / 3600))
  }
  const audit = await record(lab, demo, sim, Object.values(roles), (length * Math.min(hertz, REACHED)) / 2)
  const real = clock.speed === 1 ? '' : ` in ${spell(length / clock.speed)}`
  figure(`${spell(length)}${real} at ${hertz} Hz, ${asked} visitors and questions: ${audit}`)
  if (unanswered > 0) figure(`${unanswered} questions found the bridge without data`)
  // On a fast clock its 2 s for an answer are some real ms, and a machine may well be busy for as long.
  if (clock.speed === 1 && unanswered > asked / 20) throw new Error('the bridge had no data too often')
  const faults = Object.entries(looks).flatMap(([name, list]) => judge(name, list, length))
  if (faults.length > 0) throw new Error(faults.join('\n'))
}

/** Number of samples of the last five minutes that the bridge has of one curve. */
async function ask(): Promise<number> {
  const where = 'graphite/render?target=LSA21OQ.Channel_1_T&from=-5min&format=json'
  const answer = await fetch(`http://127.0.0.1:5000/${where}`).catch(() => undefined)
  const [curve] = answer?.ok ? ((await answer.json()) as { datapoints: unknown[] }[]) : []
  return curve?.datapoints.length ?? 0
}

function lookAt({ name, pid }: Running, at: number): Look {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const megabytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024
  const look = {
    at,
    own: megabytes('RssAnon'),
    resident: megabytes('VmRSS'),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  }
  const log = process.env['SOAK_LOG']
  if (log) appendFileSync(log, `${name} ${at.toFixed(5)} ${look.own.toFixed(2)} ${look.descriptors}\n`)
  return look
}

/**
 * Ends the readings and then all roles; every row that the agent numbered must be in the files, at least
 * `least` of them.
 */
async function record(
  lab: Lab,
  { dataDir }: DemoLab,
  sim: Running,
  roles: readonly Running[],
  least: number,
): Promise<string> {
  await sim.stop()
  await until('everything is recorded', 120, () => unacknowledged(lab.path('state')) === 0)
  for (const role of roles.toReversed()) {
    const { code } = await role.stop()
    if (code !== 0) throw new Error(`${role.name} ended with ${code}:\n${role.tail()}`)
  }
  const { code, out, err } = await lab.run(['audit', '--data-dir', dataDir, '--json'], {}, 120)
  const { epochs, files } = JSON.parse(out) as Audit
  const holes = epochs.flatMap(({ gaps, missing, doubled }) => [...gaps, ...missing, ...doubled])
  const rows = epochs.reduce((sum, { recorded }) => sum + recorded, 0)
  if (code !== 0 || holes.length > 0 || rows < least || epochs.length !== 1) throw new Error(`${out}${err}`)
  return `${rows} rows in ${files} files, 0 gaps, 0 doubled`
}

function judge(name: string, looks: readonly Look[], length: number): string[] {
  const settled = looks.slice(Math.floor(looks.length / 2))
  const size = Math.ceil(settled.length / PARTS)
  const parts = Array.from({ length: PARTS }, (_, i) => settled.slice(i * size, (i + 1) * size)).filter(
    ({ length: count }) => count > 0,
  )
  const least = parts.map((part) => ({
    at: part[0]?.at ?? 0,
    own: Math.min(...part.map(({ own }) => own)),
    descriptors: Math.min(...part.map(({ descriptors }) => descriptors)),
  }))
  const [first, last] = [least[0]?.descriptors ?? 0, least.at(-1)?.descriptors ?? 0]
  const slope = slopeOf(least)
  const most = Math.max(...looks.map(({ resident }) => resident))
  const told = length >= TELLING
  const growth = told ? `, ${slope.toFixed(2)} MB an hour` : ''
  figure(
    `${name.padEnd(8)} ${(least[0]?.own ?? 0).toFixed(0)} → ${(least.at(-1)?.own ?? 0).toFixed(0)} MB of its own` +
      `${growth}, ${most.toFixed(0)} MB resident at most, descriptors ${first} → ${last}`,
  )
  // A short run may end during a change of files; a recorder keeps those of its last ten minutes open.
  const spare = name === 'recorder' ? OPEN_FILES : told ? 0 : 2
  return [
    ...(told && slope > SLOPE ? [`${name} grows by ${slope.toFixed(2)} MB an hour`] : []),
    ...(most > MOST ? [`${name} takes ${most.toFixed(0)} MB`] : []),
    ...(last > first + spare ? [`${name} has ${last - first} more descriptors than at first`] : []),
  ]
}

/**
 * MB per hour: the median of the slopes between any two points (Theil and Sen), which no single jump moves.
 */
function slopeOf(points: readonly { at: number; own: number }[]): number {
  const slopes = points
    .flatMap((a, i) => points.slice(i + 1).map((b) => (b.own - a.own) / (b.at - a.at)))
    .sort((a, b) => a - b)
  return slopes[Math.floor(slopes.length / 2)] ?? 0
}

function spell(length: number): string {
  return length < 3600 ? `${(length / 60).toFixed(1)} min` : `${(length / 3600).toFixed(1)} h`
}
