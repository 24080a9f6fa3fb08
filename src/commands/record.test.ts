import { afterAll, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ownClock } from '../../test/own-clock.ts'
import { startAgent } from '../../test/running-agent.ts'
import lakeshore240 from '../agents/lakeshore/lakeshore240.ts'
import { traceTo } from '../instrument/transport/trace.ts'
import { lockInstance } from '../machine/lock-file.ts'
import { startLakeshore240 } from '../simulators/lakeshore240.ts'
import { run } from './program.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())
const folder = mkdtempSync(join(tmpdir(), 'record-'))
afterAll(() => rmSync(folder, { recursive: true }))
const site = join(folder, 'site.yaml')
writeFileSync(
  site,
  `hub: {wamp_server: "ws://127.0.0.1:8001/ws", wamp_realm: test_realm, address_root: observatory}
hosts:
  localhost:
    agent-instances:
      - {agent-class: Lakeshore240Agent, instance-id: ls240, arguments: [["--serial-number", "LSA21OQ"]]}
`,
)

let stop = new AbortController()

async function ocs(...words: string[]): Promise<{ code: number; err: string }> {
  stop = new AbortController()
  let err = ''
  const code = await run([...words, '--site-file', site, '--site-host', 'localhost'], {
    signal: stop.signal,
    env: {},
    out: () => {},
    err: (text) => {
      err += text
    },
    terminal: false,
    size: () => ({ columns: 80, rows: 24 }),
  })
  return { code, err }
}

test('a conversation is written down, and is as good as the instrument', async () => {
  const simulator = await startLakeshore240({ serialNumber: 'LSA21OQ', pty: join(folder, 'tty') })
  const dialog = join(folder, 'dialog.yaml')
  const words = ['record', 'ls240', '--out', dialog, '--port', join(folder, 'tty')]
  // Until all has been read twice.
  let read = 0
  traceTo((line) => {
    if (line.includes('"SRDG? 6"') && ++read === 2) stop.abort()
  })
  const { code, err } = await ocs(...words, '--seconds', '3600', '--task', 'get_values {"channel": 2}')
  traceTo(undefined)
  await simulator.close()
  expect([code, err]).toEqual([0, expect.stringContaining('commands with their replies')])
  expect(readFileSync(dialog, 'utf8')).toContain('"*IDN?": "LSCI,MODEL240-8P,LSA21OQ,1.3"')

  await using agent = await startAgent(lakeshore240, { port: `replay:${dialog}` })
  await agent.until(() => agent.rows.length > 2)
  expect(agent.rows[0]?.data['Channel_1_T']).toEqual([expect.any(Number)])
  const { success, data } = await agent.task('get_values', { channel: 2 })
  expect([success, (data as { name: string }).name]).toEqual([true, 'Diode 2'])

  expect(await ocs(...words)).toMatchObject({ code: 2, err: expect.stringContaining('already exists') })
})

test('what a task changes is recorded in turn, so that it can be played again', async () => {
  const simulator = await startLakeshore240({ serialNumber: 'LSA21OQ', pty: join(folder, 'tty2') })
  const dialog = join(folder, 'changed.yaml')
  const task = 'set_values {"channel": 2, "name": "cold"}'
  const flags = ['--port', join(folder, 'tty2'), '--mode', 'idle', '--seconds', '0.2', '--task', task]
  expect(await ocs('record', 'ls240', '--out', dialog, ...flags)).toMatchObject({ code: 0 })
  await simulator.close()
  await using agent = await startAgent(lakeshore240, { port: `replay:${dialog}`, mode: 'idle' })
  const { success, messages } = await agent.task('set_values', { channel: 2, name: 'cold' })
  expect([success, messages]).toEqual([true, expect.anything()])
})

test('beside the agent that runs it says whose instrument it is', async () => {
  const state = join(folder, 'state')
  mkdirSync(join(state, 'observatory'), { recursive: true })
  using _running = lockInstance(join(state, 'observatory', 'ls240.sqlite'))
  const file = join(folder, 'beside.yaml')
  const words = ['record', 'ls240', '--out', file, '--seconds', '0.2', '--port', '/dev/nowhere']
  const { code, err } = await ocs(...words, '--state-dir', state)
  expect([code, err]).toEqual([1, expect.stringMatching(/^ocs: ls240 is run by .+: stop it first/m)])
  expect(err).not.toContain('/dev/nowhere')
})

test('what cannot be recorded says so, and writes nothing', async () => {
  const file = join(folder, 'none.yaml')
  const words = ['record', 'ls240', '--out', file, '--seconds', '0.2']
  expect(await ocs(...words, '--port', '/dev/nowhere')).toMatchObject({
    code: 3,
    err: expect.stringContaining('no exchange in 0.2 s'),
  })
  expect(await ocs(...words, '--task', 'get_values {channel}')).toMatchObject({
    code: 2,
    err: expect.stringContaining('the parameters are not JSON'),
  })
  expect(await ocs(...words, '--prot', 'x')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--port'),
  })
  expect(existsSync(file)).toBe(false)
})
