/**
 * The example measurement, interrupted at every step: the instrument itself confirms that everything is
 * restored.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { figure, Lab, ROOT, type Running, seconds, since, until } from './roles.ts'

setDefaultTimeout(400_000)

const SCRIPT = join(ROOT, 'examples', 'measurement.ts')
const OUTPUTS = [0, 100]
const SAMPLES = 5
/** A plan with short steps: a temperature is stable if it moves by less than 50 mK in half a second. */
const PLAN = ['--range', '0.001', '--outputs', OUTPUTS.join(), '--samples', String(SAMPLES)]
const QUICK = [...PLAN, '--window', '0.5', '--within', '0.05']
/** How often it is interrupted while it sets up heater and scanner. */
const MOMENTS = 12
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Settings made by somebody else: a manual output in W, the loop closed, the scanner on channel 3; the heater
 * is off.
 */
const BEFORE = ['OUTMODE 0,5,6,1,0,0,1', 'HTRSET 0,120,8,0,2', 'MOUT 0,0.002', 'SCAN 3,0']
const QUESTIONS = ['RANGE? 0', 'MOUT? 0', 'OUTMODE? 0', 'HTRSET? 0', 'SCAN?']

/** A hub, a simulated 372 and its agent, on ports that the system chose. */
class Bench {
  readonly lab: Lab
  hub!: Running
  agent!: Running
  #hubPort = 0
  #simPort = 0

  constructor(lab: Lab) {
    this.lab = lab
  }

  async open(): Promise<this> {
    await this.startHub()
    const sim = await this.lab.sim('372', 'LSA22YG', '--tcp', '127.0.0.1:0', '--start-at', '1')
    this.#simPort = portIn((await sim.says(' at tcp://')).text)
    const site = `hub: { mqtt_server: "mqtt://127.0.0.1:${this.#hubPort}" }
hosts:
  localhost:
    agent-instances:
      - agent-class: Lakeshore372Agent
        instance-id: control
        arguments: [["--ip-address", "127.0.0.1:${this.#simPort}"]]
`
    writeFileSync(this.lab.path('default.yaml'), site)
    await this.startAgent()
    await this.ask(`${BEFORE.join(';')};*OPC?`)
    return this
  }

  async startHub(): Promise<void> {
    const listen = ['--listen', `127.0.0.1:${this.#hubPort}`, '--listen-ws', '127.0.0.1:0']
    this.hub = this.lab.start('hub', ['hub', ...listen])
    this.#hubPort = portIn((await this.hub.says('listening on mqtt://')).text)
    await this.hub.says('listening on ws://')
  }

  async startAgent(): Promise<void> {
    const site = ['--site-file', this.lab.path('default.yaml'), '--site-host', 'localhost']
    this.agent = this.lab.start('control', ['agent', '--instance-id', 'control', ...site])
    await this.agent.says('acq: Status is now "running".')
  }

  /** The instrument's answer to a query that bypasses the agent; it accepts two connections at a time. */
  ask(line: string): Promise<string> {
    return until('the instrument answers', 5, () => this.#askOnce(line).catch(() => undefined))
  }

  #askOnce(line: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const socket = connect(this.#simPort, '127.0.0.1', () => socket.write(`${line}\r\n`))
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk
      if (text.endsWith('\n')) resolve(text.trim())
    })
    socket.on('error', reject)
    return promise.finally(() => socket.destroy())
  }

  settings(): Promise<string> {
    return this.ask(QUESTIONS.join(';'))
  }

  measure(...args: string[]): Running {
    const file = ['--file', this.lab.path('steps.csv')]
    const env = { OCS_CONFIG_DIR: this.lab.dir }
    return this.lab.start('measurement', ['run', SCRIPT, ...file, ...args], { env })
  }
}

function portIn(text: string): number {
  return Number(/:(\d+)\D*$/.exec(text)?.[1])
}

/** A line without its time. */
const said = (text: string): string => text.replace(/^\S+Z /, '')
/** A pattern for a text in which measured numbers may differ between runs. */
const pattern = (text: string): RegExp =>
  new RegExp(`Z ${text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/\d\\\.\d+/g, '\\S+')}$`)

test('interrupted at every step, by every signal, the measurement leaves all as it was', async () => {
  await using lab = new Lab()
  const bench = await new Bench(lab).open()
  const before = await bench.settings()
  expect(before).toMatch(/^0;/)

  const whole = bench.measure(...QUICK)
  expect(await whole.ended(60)).toMatchObject({ code: 0 })
  expect(await bench.settings()).toBe(before)
  const steps = whole.lines.map(({ text }) => said(text))
  const csv = readFileSync(lab.path('steps.csv'), 'utf8').trim().split('\n')
  expect(csv.slice(1).map((line) => Number(line.split(',')[0]))).toEqual(
    OUTPUTS.flatMap((output) => Array<number>(SAMPLES).fill(output)),
  )
  expect(steps.at(-1)).toBe('everything is as it was before')

  // The heater is really on in between: otherwise the rest would prove nothing.
  const on = bench.measure(...QUICK)
  await on.says('heater at 100 %', 30)
  expect(await bench.settings()).toMatch(/^4;\+100/)
  const intruder = ['ctrl', 'start', 'control', 'set_heater_range', '--heater=sample', '--range=off']
  const { code: refused, err } = await lab.run(intruder, { env: { OCS_CONFIG_DIR: lab.dir } })
  expect([refused, err]).toEqual([1, expect.stringContaining('examples/measurement.ts')])
  on.signal('SIGINT')
  await on.ended(30)

  const begun = performance.now()
  const interrupted = steps.slice(
    0,
    steps.findIndex((step) => step.startsWith('done')),
  )
  expect(interrupted.length).toBe(10)
  for (const [at, step] of interrupted.entries()) {
    const run = bench.measure(...QUICK)
    await run.says(pattern(step), 30)
    run.signal(SIGNALS[at % SIGNALS.length] ?? 'SIGINT')
    const { code } = await run.ended(30)
    // After the last reading there may be nothing left to interrupt.
    const done = at === interrupted.length - 1 && run.text('err').includes('done: ')
    expect([step, code, await bench.settings()], run.tail()).toEqual([step, done ? 0 : 1, before])
    if (!done) expect(run.text('err')).toContain('ocs: interrupted')
  }
  figure(
    `interrupted at ${interrupted.length} steps in ${since(begun).toFixed(0)} s: each time all was put back`,
  )
})

test('interrupted at any moment, between two requests as well, it leaves all as it was', async () => {
  await using lab = new Lab()
  const bench = await new Bench(lab).open()
  const before = await bench.settings()
  const whole = bench.measure(...QUICK)
  const first = await whole.says('connected')
  const ready = await whole.says('the heater is ready')
  whole.signal('SIGINT')
  await whole.ended()
  let interrupted = 0
  for (let at = 1; at <= MOMENTS; at++) {
    const run = bench.measure(...QUICK)
    await run.says('connected')
    await seconds(((ready.at - first.at) * at) / MOMENTS / 1000)
    run.signal('SIGINT')
    const { code } = await run.ended(30)
    // On a faster machine than for the first run, it may be over already.
    const done = run.text('err').includes('done: ')
    if (!done) interrupted++
    expect([at, code, await bench.settings()], run.tail()).toEqual([at, done ? 0 : 1, before])
  }
  expect(interrupted).toBeGreaterThan(0)
  const every = ((ready.at - first.at) / MOMENTS).toFixed(0)
  figure(
    `interrupted ${interrupted} times, every ${every} ms while it sets things up: each time all was put back`,
  )
})

test('a temperature that never holds ends the measurement, and all is put back', async () => {
  await using lab = new Lab()
  const bench = await new Bench(lab).open()
  const before = await bench.settings()
  const run = bench.measure(...PLAN, '--window', '0.5', '--within', '1e-12', '--patience', '5')
  expect(await run.ended(60), run.tail()).toMatchObject({ code: 3 })
  expect(run.text('err')).toContain('ocs: the temperature still moves after 5 s')
  expect(await bench.settings()).toBe(before)
})

test('a hub that dies, and an agent that dies: the measurement cleans up as soon as they are back', async () => {
  await using lab = new Lab()
  const bench = await new Bench(lab).open()
  const before = await bench.settings()
  const slow = [...PLAN, '--window', '60']
  for (const victim of ['hub', 'agent'] as const) {
    const run = bench.measure(...slow)
    await run.says('heater at 0 %', 30)
    await bench[victim].kill()
    run.signal('SIGINT')
    await run.says('is tried again', 30)
    // Nobody can reach the instrument yet.
    expect(await bench.settings()).toMatch(/^4;/)
    const back = performance.now()
    await (victim === 'hub' ? bench.startHub() : bench.startAgent())
    const { code } = await run.ended(60)
    expect([victim, code, await bench.settings()], run.tail()).toEqual([victim, 1, before])
    figure(`the ${victim} is back: all was put back after ${since(back).toFixed(1)} s`)
  }
})
