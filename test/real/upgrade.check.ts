/**
 * Upgrades and downgrades between this version and the oldest one that can be released, with the same state
 * and recordings, under load: no sample is lost.
 */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { PROGRAM } from '../../src/host/children.ts'
import { lastSession, spoolsIn, UpLab } from '../up-lab.ts'
import { figure, ROOT } from './roles.ts'

setDefaultTimeout(900_000)

/** The first commit of 0.1.0 that makes a bundle. */
const OLD = process.env['OCS_OLD'] ?? '503a34a'
/** How often it is upgraded and downgraded. */
const TURNS = Number(process.env['TURNS'] ?? 2)

const old = mkdtempSync('/tmp/ocs-old-')
afterAll(() => rmSync(old, { recursive: true, force: true }))

/** The sources of the older version, with the packages of this one, which are a superset. */
function oldProgram(): string[] {
  const archive = Bun.spawnSync(['git', 'archive', OLD], { cwd: ROOT })
  expect([archive.exitCode, archive.stderr.toString()]).toEqual([0, ''])
  expect(Bun.spawnSync(['tar', '-x', '-C', old], { stdin: archive.stdout }).exitCode).toBe(0)
  symlinkSync(join(ROOT, 'node_modules'), join(old, 'node_modules'))
  return [...PROGRAM.slice(0, -1), join(old, 'bin', 'ocs.ts')]
}

test('upgraded and downgraded under load, killed each time: all is recorded once, and numbers go on', async () => {
  const before = oldProgram()
  await using lab = await UpLab.make()
  const sessions: number[] = []
  let samples = 0
  for (let turn = 0; turn < 2 * TURNS + 1; turn++) {
    const kill = await lab.begin(turn % 2 === 0 ? before : PROGRAM)
    samples += 600
    await lab.recorded(samples)
    sessions.push(lastSession(lab.state, 'one'))
    await kill()
  }
  // Recorded rows stay in spools for an hour, so all rows ever read are there.
  const taken = spoolsIn(lab.state)
  const kill = await lab.begin()
  await lab.allThere(taken)
  expect(await lab.doubled()).toEqual([0, 0, 0])
  await kill()
  expect(sessions).toEqual([...new Set(sessions)].sort((a, b) => a - b))
  const all = Object.values(taken).flatMap(({ rows }) => rows.map(({ t }) => t.length))
  for (const { epochs } of Object.values(taken)) expect(epochs.length).toBeGreaterThan(2 * TURNS)
  figure(
    `${all.reduce((a, b) => a + b)} samples of each field over ${2 * TURNS} changes of version: 0 lost, 0 doubled`,
  )
})
