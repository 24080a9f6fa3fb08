/**
 * The field's own tests, those of ocs, socs and sorunlib, on our hub: a copy of each repository at the
 * installed version is in $OCS_FIELD_TESTS. Docker containers are replaced by processes here
 * (in_place_of_docker.py).
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { principalsPath, setPassword } from '../../src/principals/principals-file.ts'
import { figure, Lab, ROOT } from './roles.ts'

setDefaultTimeout(3_500_000)

const PYTHON = process.env['OCS_FIELD_PYTHON'] ?? ''
const TESTS = process.env['OCS_FIELD_TESTS'] ?? ''
if (!PYTHON || !TESTS)
  throw new Error(
    'OCS_FIELD_PYTHON has to name a Python with ocs, socs, sorunlib, pytest and the wheel of python/, and OCS_FIELD_TESTS a folder with their repositories (docs/migration.md)',
  )
const PASSWORD = 'four-kelvin-plate'

/** Tests that do not pass, by the beginning of their names, with the reason. */
const known: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ocs: {
    test_access_lockout: 'AccessDirector is replaced: the hub knows who may do what',
    test_access_director: 'the same',
    test_exclusive_access: 'the same: ocs ctrl lock',
    test_proper_agent_shutdown_on_lost_transport: 'on purpose: an agent waits for its hub',
  },
  socs: {
    'agents.test_acu_agent': 'wants a vendor’s library, pixell',
    'agents.test_pysmurf_controller_agent': 'wants a vendor’s library, epics',
    'agents.test_xy_stage_agent': 'wants a vendor’s library, xy_agent',
    test_pfeiffer_tc400: 'its agent wants a vendor’s library, pfeiffer_vacuum_protocol',
  },
  sorunlib: {},
}

interface Case {
  readonly name: string
  readonly state: 'passed' | 'failed' | 'skipped'
  readonly why: string
}

/** The cases in a JUnit report of pytest; a case that fails in test and teardown counts once. */
function casesIn(xml: string): Case[] {
  const cases = new Map<string, Case>()
  for (const part of xml.split('<testcase ').slice(1)) {
    const name = /\bname="([^"]*)"/.exec(part)?.[1] ?? ''
    const where = /\bclassname="([^"]*)"/.exec(part)?.[1] ?? ''
    const fault = /<(failure|error) message="([^"]*)"/.exec(part)
    const state = fault ? 'failed' : part.includes('<skipped') ? 'skipped' : 'passed'
    const key = `${where}.${name}`
    if (cases.get(key)?.state !== 'failed') cases.set(key, { name, state, why: fault?.[2] ?? '' })
  }
  return [...cases.values()]
}

test.each(['ocs', 'socs', 'sorunlib'])('the tests of %s', async (repository) => {
  await using lab = new Lab({ OCS_PROGRAM: join(ROOT, 'bin', 'ocs') })
  const found = lab.program('where', [PYTHON, '-c', `import ${repository}; print(${repository}.__path__[0])`])
  await found.ended(60)
  const copy = lab.path(repository, 'tests')
  cpSync(join(TESTS, repository, 'tests'), copy, { recursive: true })
  // Agents are started by their path beside the tests: the installed ones.
  symlinkSync(found.text('out').trim(), lab.path(repository, repository))
  await setPassword(principalsPath(lab.path('state')), 'maya', 'operator:3', PASSWORD)
  const machine = (name: string) => `machine ${name} login maya password ${PASSWORD}\n`
  writeFileSync(lab.path('home', '.netrc'), machine('localhost') + machine('127.0.0.1'))
  chmodSync(lab.path('home', '.netrc'), 0o600)
  const report = lab.path('report.xml')
  const words = ['-m', 'pytest', '-p', 'in_place_of_docker', '-q', '--continue-on-collection-errors']
  const pytest = lab.program('pytest', [PYTHON, ...words, `--junitxml=${report}`], {
    cwd: copy,
    env: { PYTHONPATH: import.meta.dir, PATH: `${dirname(PYTHON)}:${process.env['PATH'] ?? ''}` },
  })
  await pytest.ended(3_400)
  const cases = existsSync(report) ? casesIn(readFileSync(report, 'utf8')) : []
  const failed = cases.filter(({ state }) => state === 'failed')
  const count = (state: Case['state']) => cases.filter((one) => one.state === state).length
  figure(`${repository}: ${count('passed')} passed, ${failed.length} failed, ${count('skipped')} skipped`)
  const reasonOf = ({ name }: Case) =>
    Object.entries(known[repository] ?? {}).find(([begin]) => name.startsWith(begin))?.[1]
  for (const one of failed) figure(`${repository}: ${one.name}: ${reasonOf(one) ?? one.why.slice(0, 200)}`)
  expect(count('passed')).toBeGreaterThan(100)
  expect(failed.filter((one) => reasonOf(one) === undefined).map(({ name }) => name)).toEqual([])
})
