/** Invalid input: one clear line, the right exit code, and nothing left half-started. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { hostname } from 'node:os'
import { Lab, type Outcome } from './roles.ts'
import { YALE } from './yale-lab.ts'

setDefaultTimeout(400_000)

const SITE = [`--site-file=${YALE}`, '--site-host=grumpy']
const LS240 = ['agent', '--instance-id=ls240']

/** Checks that a command failed with this code and one line. */
function fails({ code, out, err }: Outcome, wanted: number, line: string | RegExp): void {
  const said = err.split('\n').filter((text) => text.startsWith('ocs: ') || text.startsWith('error: '))
  expect(said, err).toHaveLength(1)
  if (typeof line === 'string') expect(said[0]).toBe(line)
  else expect(said[0]).toMatch(line)
  expect({ code, out }).toEqual({ code: wanted, out: '' })
  expect(err).not.toMatch(/^ +at /m)
}

/** yale.yaml with one text replaced by another. */
function edited(lab: Lab, from: string, to: string): string {
  const file = lab.path('edited.yaml')
  writeFileSync(file, readFileSync(YALE, 'utf8').replace(from, to))
  return file
}

test('an unknown instance-id, with what it may have been', async () => {
  await using lab = new Lab()
  const where = `no instance "ls241" on host "grumpy" in ${YALE}`
  fails(await lab.run(['agent', '--instance-id=ls241', ...SITE]), 2, `ocs: ${where}: did you mean "ls240"?`)
})

test('an unknown class, which stops no other instance', async () => {
  await using lab = new Lab()
  await lab.hub()
  const file = edited(lab, 'Lakeshore240Agent', 'Lakeshore241Agent')
  const site = [`--site-file=${file}`, '--site-host=grumpy']
  const wanted = /^ocs: there is no agent class "Lakeshore241Agent": did you mean Lakeshore240Agent\?/
  fails(await lab.run([...LS240, ...site]), 2, wanted)
  await lab.sim('372', 'LSA22YG', '--tcp', '127.0.0.1:7771')
  const control = ['agent', '--instance-id=control', '--ip-address=127.0.0.1:7771', ...site]
  await lab.start('control', control).says(/Channel_\d+ /, 20)
})

test('a hub that is not there: commands give up, roles wait', async () => {
  await using lab = new Lab()
  const no =
    'ocs: no hub at ws://localhost:8001/ws within 5 s (connection refused): is "ocs hub" running there?'
  fails(await lab.run(['ctrl', 'start', '--target=ls240', ...SITE]), 3, no)
  const agent = lab.start('ls240', [...LS240, `--port=${lab.path('none')}`, ...SITE])
  await agent.says('waiting for the hub at ws://localhost:8001/ws (ocs hub)')
  await lab.hub()
  await agent.says('transport connected')
  expect(await agent.stop()).toMatchObject({ code: 0 })
})

test('a host that the site file has not', async () => {
  await using lab = new Lab()
  const outcome = await lab.run([...LS240, `--site-file=${YALE}`, '--site-host=pc7'])
  const has = `no host "pc7" in ${YALE} (has: grumpy)`
  fails(outcome, 2, `ocs: ${has}: pass --site-host=grumpy`)
})

test('a misspelt key or flag: its place, and what it may have been', async () => {
  await using lab = new Lab()
  const file = edited(lab, "'agent-instances'", "'agent-instnces'")
  const line = `ocs: ${file}:15:5: unknown key "agent-instnces" in host "grumpy": did you mean "agent-instances"?`
  for (const command of [LS240, ['hub'], ['ctrl', 'status']]) {
    fails(await lab.run([...command, `--site-file=${file}`, '--site-host=grumpy']), 2, line)
  }
  const flag = edited(lab, "'--serial-number', 'LSA21OQ'", "'--serial-numbr', 'LSA21OQ'")
  const wanted = /edited\.yaml:\d+:\d+: there is no flag --serial-numbr: did you mean --serial-number\?/
  const { code, err } = await lab.run([...LS240, `--site-file=${flag}`, '--site-host=grumpy'])
  expect(err).toMatch(wanted)
  expect(code).toBe(2)
  fails(
    await lab.run([...LS240, ...SITE, '--prot=/dev/x']),
    2,
    'ocs: ls240: there is no flag --prot: did you mean --port?',
  )
})

test('a port in use: who has it, and a crossbar router by its name', async () => {
  await using lab = new Lab()
  const hub = await lab.hub()
  const held = (port: number, pid: number) =>
    new RegExp(`^ocs: port ${port} on 127.0.0.1 is in use by .*pid ${pid}`)
  fails(await lab.run(['hub', ...SITE]), 2, held(1883, hub.pid))
  const bridge = lab.start('bridge', ['bridge', ...SITE])
  await bridge.says('listening on http://127.0.0.1:5000')
  const second = await lab.run(['bridge', ...SITE])
  fails(second, 2, /^ocs: port 5000 on 127.0.0.1 is in use/)
  await hub.stop()
  await using _ = await answering(8001, 'Crossbar/20.1.1')
  fails(await lab.run(['hub', ...SITE]), 2, /^ocs: port 8001 .*crossbar router \("Crossbar\/20\.1\.1"\)/)
})

/** An HTTP server that gives itself a name. */
async function answering(port: number, name: string): Promise<AsyncDisposable> {
  const server = createServer((_, answer) => answer.writeHead(404, { server: name }).end())
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Checks that a recorder for this directory is refused before it announces itself. */
async function unwritable(lab: Lab, dir: string, why: string): Promise<void> {
  const outcome = await lab.run(['aggregate', '--instance-id=aggregator', '--data-dir', dir, ...SITE])
  fails(outcome, 2, new RegExp(`^ocs: .*data directory ${dir} cannot be written \\(${why}.*--data-dir$`))
}

test('a data directory below a file', async () => {
  await using lab = new Lab()
  writeFileSync(lab.path('file'), '')
  await unwritable(lab, lab.path('file', 'data'), 'a part of its path is no folder')
})

test('a read-only data directory', async () => {
  await using lab = new Lab()
  const dir = lab.path('ro')
  mkdirSync(dir)
  const mounted = await lab.program('mount', ['mount', '-t', 'tmpfs', '-o', 'ro', 'none', dir]).ended()
  expect(mounted).toMatchObject({ code: 0 })
  await unwritable(lab, dir, 'it is mounted read-only').finally(() =>
    lab.program('umount', ['umount', dir]).ended(),
  )
})

test('a second live instance is refused, and told who the first is', async () => {
  await using lab = new Lab()
  await lab.hub()
  const command = [...LS240, `--port=${lab.path('none')}`, ...SITE]
  const first = lab.start('ls240', command)
  await first.says('session joined')
  fails(
    await lab.run(command),
    1,
    / is in use by ocs agent \(pid \d+\): this instance already runs on this machine\. Stop that first$/,
  )
  const elsewhere = await lab.run([...command, '--state-dir', lab.path('other')])
  const who = new RegExp(
    `^ocs: ls240 is already running: on ${hostname()}, pid ${first.pid}, since .*Stop that one first$`,
  )
  fails(elsewhere, 1, who)
  expect(first.end).toBeUndefined()
  // A killed one is no obstacle.
  await first.kill()
  const next = lab.start('ls240', command)
  await next.says('session joined')
})

test('a second recorder on a directory, and a second data node of a name', async () => {
  await using lab = new Lab()
  await lab.hub()
  const dir = lab.path('data')
  const first = lab.start('one', ['aggregate', '--data-dir', dir])
  await first.says('recording to')
  const second = await lab.run(['aggregate', '--instance-id=two', '--data-dir', dir])
  const line = `another recorder is using ${dir}, ocs aggregate \\(pid \\d+\\): stop it, or choose another directory with --data-dir`
  fails(second, 2, new RegExp(`^ocs: .*${line}$`))
  const node = (id: string) => lab.start(id, ['datanode', 'sensors', '--name=pc', `--instance-id=${id}`])
  await node('node-a').says('session joined')
  await node('node-b').says(/"?pc"?.*node-a/)
})

test('control of what does not run, cannot be reached or does not exist', async () => {
  await using lab = new Lab()
  await lab.hub()
  const ctrl = (...args: string[]) => lab.run(['ctrl', ...args, ...SITE])
  fails(await ctrl('start', '--target=ls240'), 3, /^ocs: aggregator is not running: start it with/)
  const recorder = lab.start('aggregator', ['aggregate', ...SITE, '--data-dir', lab.path('data')])
  const agent = lab.start('ls240', [...LS240, `--port=${lab.path('none')}`, ...SITE])
  await Promise.all([recorder, agent].map((role) => role.says('session joined')))
  fails(await ctrl('start', '--target=ls24'), 3, /^ocs: ls24 is not running: did you mean "ls240"\?/)
  fails(await ctrl('start', '--target=ls240'), 1, /^ocs: ls240 is degraded: .*no serial port .*none/)
  fails(await ctrl('start', 'ls240', 'nope'), 2, /^ocs: ls240 has no operation "nope": it has acq, /)
})

test('command lines that cannot be meant', async () => {
  await using lab = new Lab()
  fails(await lab.run(['nonsense']), 2, "error: unknown command 'nonsense'")
  fails(await lab.run(['hub', '--nonsense']), 2, "error: unknown option '--nonsense'")
  fails(
    await lab.run(['agent', ...SITE]),
    2,
    /^ocs: which instance .* one of control, measurement, ls240, aggregator$/,
  )
  fails(await lab.run(LS240), 2, /^ocs: no site file: pass --site-file=FILE, or set OCS_CONFIG_DIR/)
  fails(
    await lab.run(['hub', '--listen', '0.0.0.0:1899']),
    2,
    /^ocs: for other machines a hub needs users and TLS\. Run ocs hub init/,
  )
  fails(await lab.run(['bridge', '--listen', '0.0.0.0:5000']), 2, /^ocs: .*does not listen on 0\.0\.0\.0/)
})
