import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'ocs'
import type latency from '../examples/my-agent.ts'
import { type Hub, startHub } from '../src/broker/hub.ts'
import { PROGRAM } from '../src/host/children.ts'
import { everybody } from '../src/principals/identify.ts'

// Each test starts processes.
setDefaultTimeout(300_000)

const root = join(import.meta.dir, '..')
const folder = mkdtempSync(join(tmpdir(), 'ocs-examples-'))
const env = { ...process.env, OCS_CONFIG_DIR: folder, OCS_STATE_DIR: join(folder, 'state') }
let hub: Hub
let agent: ReturnType<typeof ocs>

/** Runs `ocs` as its launcher does. */
function ocs(...args: string[]) {
  const command = [...PROGRAM, ...args]
  return Bun.spawn(command, { cwd: root, env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
}

/** The output of a process once part of it matches, or all of it. */
async function says(stream: ReadableStream<Uint8Array>, wanted: RegExp): Promise<string> {
  const text = new TextDecoder()
  let said = ''
  for await (const chunk of stream) {
    said += text.decode(chunk, { stream: true })
    if (wanted.test(said)) break
  }
  return said
}

beforeAll(async () => {
  const local = { host: '127.0.0.1', port: 0 }
  hub = await startHub({
    identify: everybody,
    root: 'observatory',
    realm: 'r',
    version: '0',
    log: () => {},
    listen: [local],
    websocket: [local],
  })
  const { mqtt } = hub.urls
  // The example measures a connection; the hub is something to connect to.
  const flags = JSON.stringify([
    ['--port', new URL(mqtt).port],
    ['--rate', '10'],
  ])
  const instance = `{ agent-class: LatencyAgent, instance-id: latency, arguments: ${flags} }`
  const site = [`hub: { mqtt_server: "${mqtt}" }`, `hosts: { localhost: { agent-instances: [${instance}] } }`]
  await Bun.write(join(folder, 'default.yaml'), `${site.join('\n')}\n`)
  agent = ocs('agent', '--instance-id=latency', '--site-host=localhost', '--module=examples/my-agent.ts')
  expect(await says(agent.stdout, /connect \S+ s\n/)).toMatch(/connect \S+ s\n/)
})

afterAll(async () => {
  agent.kill()
  expect(await agent.exited).toBe(0)
  await hub.close()
  rmSync(folder, { recursive: true })
})

test('an agent of one’s own has its operations and feeds, typed by its declaration', async () => {
  const lab = { siteFile: join(folder, 'default.yaml'), patience: 3600 }
  await using it = await connect<typeof latency>('latency', lab)
  const { data } = await it.check({ limit: 3600 })
  expect(data.connect).toBeGreaterThan(0)
  await expect(it.check({ limit: 1e-9 })).rejects.toThrow('is longer than 1e-9 s')
  await expect(it.check({ limit: -1 })).rejects.toThrow('"limit"')
  for await (const { block, values } of it.feeds.latency) {
    expect([block, values['connect']?.length]).toEqual(['latency', 1])
    break
  }
})

test('a feed is watched until Ctrl-C', async () => {
  const list = ocs('run', 'examples/watch.ts')
  expect(await says(list.stdout, /\n/)).toBe('latency  LatencyAgent  online  feeds: latency\n')
  expect(await list.exited).toBe(0)
  const watch = ocs('run', 'examples/watch.ts', 'latency', 'latency')
  expect(await says(watch.stdout, /\n/)).toMatch(/^\d{4}-\S+Z {2}connect \d+\.\d+\n/)
  watch.kill('SIGINT')
  expect(await watch.exited).toBe(1)
  expect(await new Response(watch.stderr).text()).toBe('ocs: interrupted\n')
})

test('the words after a script are its own; what is wrong with a script is said', async () => {
  const run = async (...args: string[]) => {
    const { stderr, exited } = ocs('run', ...args)
    return [await exited, await new Response(stderr).text()]
  }
  expect(await run('examples/measurement.ts', '--help')).toEqual([
    0,
    expect.stringContaining('--outputs    steps'),
  ])
  expect(await run('examples/measurement.ts', '--site-file=x')).toEqual([
    2,
    expect.stringContaining("Unknown option '--site-file'"),
  ])
  expect(await run('examples/none.ts')).toEqual([
    2,
    expect.stringMatching(/none\.ts: there is no such file or folder\n$/),
  ])
  expect(await run('src/ocs.ts')).toEqual([2, expect.stringContaining('exports no function')])
  const outside = join(folder, 'mine.ts')
  await Bun.write(outside, "import { connect } from 'ocs'\nexport default () => connect('latency')\n")
  // Its imports from ocs are found wherever the file is.
  expect(await run(outside)).toEqual([0, ''])
})
