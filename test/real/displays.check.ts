/**
 * Each fault of a lab on each display: the live page, Graphite, `ocs status`, `ocs ctrl status`, the demo.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readFileSync } from 'node:fs'
import { findFaketime, ShiftedClock } from '../../src/chaos/shifted-clock.ts'
import { Chromium } from './browser.ts'
import { SITE } from './demo-lab.ts'
import { Panes } from './panes.ts'
import { Lab, OCS, type Running, until } from './roles.ts'
import { SmallDisk } from './small-disk.ts'

setDefaultTimeout(600_000)

/** Seconds that any step may take on a busy machine. */
const PATIENCE = 60
const BRIDGE = 'http://127.0.0.1:5000'
/** The requests to Graphite: a reading, and the states of the operations of interest. */
const CURVE = 'LSA21OQ.Channel_1_T'
const OPERATIONS = ['ls240.acq', 'aggregator.record'] as const
const HOUR = 3600

/** The content of each display as text; anything gone from the lab must be gone here, too. */
const displays = {
  /**
   * The page as read by somebody who does not see colours: a line for each thing, with its state in words.
   */
  page: () => chromium.page.evaluate(READ_PAGE) as Promise<string>,
  /** One line per curve: whether it continues, ends, or lies in the future, and the last op code. */
  graphite: rendered,
  status: () => said('status'),
  ctrl: () => said('ctrl', 'status'),
  /** Its last drawing; single lines come before it. */
  demo: async () => {
    const text = await panes.tmux('capture-pane', '-p', '-t', '=demo:')
    return text.slice(text.lastIndexOf('\nROLE ') + 1)
  },
}
type Display = keyof typeof displays

interface Row {
  readonly state: string
  begin(): unknown
  end(): unknown
  /** What each display must show in the end, and what it must not show then. */
  readonly cells: Readonly<Record<Display, readonly RegExp[]>>
  readonly never?: Readonly<Partial<Record<Display, readonly RegExp[]>>>
}

const WELL: Row['cells'] = {
  page: [
    /^link: live$/m,
    /^recording: $/m,
    /^ls240 online: .*acq running/m,
    /^LSA21OQ\.4K plate: fresh [\d.]+ K/m,
    /^recorder aggregator running/m,
  ],
  graphite: [/^LSA21OQ\.Channel_1_T goes on$/m, /^ls240\.acq 3$/m, /^aggregator\.record 3$/m],
  status: [/^\S+ {2}(\d+) of \1 roles well /m, /^ls240 +acq running/m, /^aggregator: .*rows behind/m],
  ctrl: [/^ls240 +online .*acq running/m, /^aggregator +online .*record running/m],
  demo: [/^hub +running/m, /^ls240 +online .*acq running/m, /^bridge +running/m, /^Recording to .*\.g3$/m],
}

const rows: Row[] = [
  {
    state: 'hub lost',
    begin: () => kill('hub'),
    end: () => again('hub'),
    cells: {
      page: [
        /^link: .*lost the hub: no new data \(since \d\d:\d\d:\d\d\)/m,
        /^ls240 not known: .*acq not known/m,
        /^LSA21OQ away: the bridge has lost the hub/m,
        /^LSA21OQ\.4K plate: stale/m,
        /^recorder aggregator not known/m,
      ],
      graphite: [/^LSA21OQ\.Channel_1_T (ends|is not there)$/m, /^ls240\.acq nobody knows$/m],
      status: [/^3 ocs: no hub at \S+ within 5 s \(connection refused\)/m],
      ctrl: [/^3 ocs: no hub at \S+ within 5 s \(connection refused\)/m],
      demo: [/^hub +SIGKILL/m, /^ls240 +no hub/m, /^NOT RECORDING: the hub is away/m],
    },
  },
  {
    state: 'bridge lost',
    begin: () => kill('bridge'),
    end: () => again('bridge'),
    cells: {
      page: [
        /^link: offline: cannot reach the bridge/m,
        /^ls240 not known: .*acq not known/m,
        /^LSA21OQ\.4K plate: stale/m,
      ],
      graphite: [/^no bridge$/m],
      // A bridge is not on the bus.
      status: WELL.status,
      ctrl: WELL.ctrl,
      demo: [/^bridge +SIGKILL/m, /^ls240 +online/m],
    },
  },
  {
    state: 'node restarted',
    begin: () => kill('ls240-node'),
    end: () => again('ls240-node'),
    cells: {
      page: [
        /^LSA21OQ away: the data node does not answer/m,
        /^ls240-node \(LSA21OQ\) lost/m,
        /^LSA21OQ\.4K plate: stale/m,
      ],
      graphite: [/^LSA21OQ\.Channel_1_T (goes on|ends)$/m],
      status: [/^ls240-node +lost/m, /of \d+ roles well/m],
      ctrl: [/^ls240-node +lost .*serve lost/m],
      demo: [/^ls240-node +SIGKILL/m],
    },
  },
  {
    state: 'instrument unplugged',
    begin: () => kill('sim-LSA21OQ'),
    end: () => again('sim-LSA21OQ'),
    cells: {
      page: [/^ls240 online: .*acq degraded .*serial port/m, /^LSA21OQ\.4K plate: stale/m],
      graphite: [/^LSA21OQ\.Channel_1_T ends$/m, /^ls240\.acq 8$/m],
      status: [/^ls240 acq: .*serial port/m, /^ls240 +acq degraded/m],
      ctrl: [/^ls240 +online .*acq degraded/m],
      demo: [/^ls240 +online .*acq degraded/m, /^sim-LSA21OQ +SIGKILL/m],
    },
  },
  {
    state: 'recorder stopped',
    begin: () => said('ctrl', 'stop', 'aggregator', 'record'),
    end: () => said('ctrl', 'start', 'aggregator', 'record'),
    cells: {
      page: [/^recording: NOT RECORDING: aggregator does not record/m, /^recorder aggregator idle/m],
      graphite: [/^aggregator\.record 5$/m, /^LSA21OQ\.Channel_1_T goes on$/m],
      status: [/^NOT RECORDING: aggregator does not record/m, /^aggregator does not record/m],
      ctrl: [/^aggregator +online .*record succeeded/m],
      demo: [/^NOT RECORDING: aggregator does not record/m],
    },
    never: { demo: [/^Recording to/m] },
  },
  {
    state: 'disk full',
    begin: () => disk.fill(),
    end: () => disk.free(),
    cells: {
      page: [/^recording: NOT RECORDING: aggregator: .*full/m, /^recorder aggregator degraded/m],
      graphite: [/^aggregator\.record 8$/m, /^LSA21OQ\.Channel_1_T goes on$/m],
      status: [/^NOT RECORDING: aggregator: .*full/m, /^aggregator +record degraded/m],
      ctrl: [/^aggregator +online .*record degraded/m],
      demo: [/^NOT RECORDING: aggregator: .*full/m, /^aggregator +online .*record degraded/m],
    },
    never: { demo: [/^Recording to/m] },
  },
  {
    state: 'agent frozen',
    begin: () => signal('ls240', 'SIGSTOP'),
    end: () => signal('ls240', 'SIGCONT'),
    cells: {
      page: [/^ls240 lost: .*acq lost/m, /^LSA21OQ\.4K plate: stale/m],
      graphite: [/^LSA21OQ\.Channel_1_T ends$/m, /^ls240\.acq nobody knows$/m],
      status: [/^ls240 +lost/m],
      ctrl: [/^ls240 +lost .*acq lost/m],
      demo: [/^ls240 +lost/m],
    },
  },
  {
    state: 'clock wrong',
    begin: async () => {
      await kill('ls240')
      clock.shift(HOUR)
      await again('ls240', clock.env)
    },
    end: async () => {
      await kill('ls240')
      await again('ls240')
    },
    cells: {
      page: [/^ls240 online: .*its clock is 1 h 0 min ahead.*acq running/m],
      graphite: [/^LSA21OQ\.Channel_1_T ends$/m, /^LSA21OQ\.Channel_1_T has points ahead$/m],
      status: [/^ls240 its clock is 1 h 0 min ahead/m],
      ctrl: [/^ls240 +online .*its clock is 1 h 0 min ahead/m],
      demo: [/^ls240 +online, its clock is 1 h 0 min ahead/m],
    },
  },
]

const lab = new Lab()
const panes = new Panes(lab)
const processes = new Map<string, { readonly pid: number; readonly command: readonly string[] }>()
const restarted = new Map<string, Running>()
let chromium: Chromium
let disk: SmallDisk
let clock: ShiftedClock

beforeAll(async () => {
  const library = findFaketime()
  if (library === undefined) throw new Error('faketime is not installed')
  clock = new ShiftedClock(library, lab.path('clock'))
  mkdirSync(lab.path('demo'))
  disk = new SmallDisk(lab.path('demo', 'data'), 64)
  await panes.open('demo', [220, 100], [...OCS, 'demo', '--dir', lab.path('demo')])
  await panes.shows('demo', ['Ctrl-C stops everything.', 'Channel_1'])
  await findProcesses(Number(await panes.tmux('display', '-p', '-t', '=demo:', '#{pane_pid}')))
  chromium = await Chromium.open(BRIDGE)
  await chromium.page.setViewportSize({ width: 1600, height: 3000 })
  await chromium.page.goto(BRIDGE)
  await shown('well', WELL)
})
afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]()
  await panes[Symbol.asyncDispose]()
  disk?.[Symbol.dispose]()
  await lab[Symbol.asyncDispose]()
})

describe.each(rows)('$state', ({ state, begin, end, cells, never = {} }) => {
  test('each display shows it', async () => {
    await begin()
    await shown(state, cells)
    for (const [display, texts] of Object.entries(never))
      for (const text of texts) expect(await displays[display as Display]()).not.toMatch(text)
  })
  test('each display shows that it is over', async () => {
    await end()
    await shown(`${state}, and over`, WELL)
  })
})

/** Waits until each display matches its cell. @throws Error with the cells that fail, and their displays */
async function shown(state: string, cells: Row['cells']): Promise<void> {
  const failed: string[] = []
  for (const [display, texts] of Object.entries(cells) as [Display, readonly RegExp[]][]) {
    let last = ''
    const look = async () => {
      last = await displays[display]()
      return texts.every((text) => text.test(last))
    }
    await until(`${state} × ${display}`, PATIENCE, look).catch(() => {
      const missing = texts.filter((text) => !text.test(last))
      failed.push(`${state} × ${display} does not show ${missing.join(' nor ')}:\n${last}`)
    })
  }
  if (failed.length > 0) throw new Error(failed.join('\n\n'))
}

/** The output of a command, with its exit code and then its errors. */
async function said(...words: string[]): Promise<string> {
  const { code, out, err } = await lab.run([...words, ...SITE], {}, PATIENCE)
  return code === 0 ? out : `${code} ${err.split('\n').findLast((line) => line.startsWith('ocs: ')) ?? err}`
}

/** Graphite's answers for a panel of the last five minutes, and of the hours to come. */
async function rendered(): Promise<string> {
  const targets = [CURVE, ...OPERATIONS.map((name) => `operations.${name}`)]
  const body = new URLSearchParams([
    ...targets.map((target): [string, string] => ['target', target]),
    ['format', 'json'],
  ])
  body.set('from', '-5min')
  body.set('until', '+2h')
  const answer = await fetch(`${BRIDGE}/graphite/render`, { method: 'POST', body }).catch(() => undefined)
  if (!answer) return 'no bridge'
  const lines = (await answer.json()) as { target: string; datapoints: [number | null, number][] }[]
  const now = Date.now() / 1000
  const pointsOf = (name: string) => lines.find(({ target }) => target === name)?.datapoints
  const points = (pointsOf(CURVE) ?? []).filter(([value]) => value !== null)
  const newest = points.findLast(([, time]) => time < now + 60)?.[1]
  const curve = newest === undefined ? 'is not there' : now - newest < 10 ? 'goes on' : 'ends'
  const ahead = points.some(([, time]) => time > now + HOUR / 2) ? `\n${CURVE} has points ahead` : ''
  const codes = OPERATIONS.map((name) => {
    const [value, time] = pointsOf(`operations.${name}`)?.at(-1) ?? [null, 0]
    return `${name} ${value === null || time < now - 10 ? 'nobody knows' : value}`
  })
  return [`${CURVE} ${curve}${ahead}`, ...codes].join('\n')
}

/** The processes that a demo has started, by role, with the commands to restart them. */
async function findProcesses(demo: number): Promise<void> {
  const list = readFileSync(`/proc/${demo}/task/${demo}/children`, 'utf8').trim().split(' ')
  for (const pid of list) {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1)
    const [role = '', ...rest] = command.slice(command.findIndex((word) => word.endsWith('ocs.ts')) + 1)
    const of = (flag: string) => rest[rest.indexOf(flag) + 1]
    const name =
      role === 'agent' ? of('--instance-id') : role === 'sim' ? `sim-${of('--serial-number')}` : role
    processes.set(name ?? '', { pid: Number(pid), command })
  }
}

async function kill(role: string): Promise<void> {
  const before = restarted.get(role)
  if (before) await before.kill()
  else signal(role, 'SIGKILL')
}

function signal(role: string, name: NodeJS.Signals): void {
  process.kill(restarted.get(role)?.pid ?? processes.get(role)?.pid ?? 0, name)
}

/** Restarts a role with the command that the demo names for it. */
async function again(role: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  restarted.set(role, lab.program(role, processes.get(role)?.command ?? [], { env }))
}

/** Reads the page: the source of each line, its state, and its text. */
const READ_PAGE = `(() => {
  const text = (one) => one?.innerText?.replaceAll(/\\s+/g, ' ').trim() ?? ''
  const recording = document.querySelector('#recording')
  const lines = ['link: ' + text(document.querySelector('#link')), 'recording: ' + (recording.hidden ? '' : text(recording))]
  for (const card of document.querySelectorAll('#agents .agent')) {
    const [name, state] = ['h3', 'header .badge'].map((of) => text(card.querySelector(of)))
    const ops = [...card.querySelectorAll('.op')].map((op) => ['button', '.badge', '.message'].map((of) => text(op.querySelector(of))).join(' '))
    lines.push(name + ' ' + state + ': ' + [...[...card.querySelectorAll('.fault')].map(text), ...ops].join(', '))
  }
  for (const card of document.querySelectorAll('#recorder .agent'))
    lines.push('recorder ' + ['h3', '.badge', '.fault'].map((of) => text(card.querySelector(of))).join(' '))
  for (const node of document.querySelectorAll('.node')) {
    const name = text(node.querySelector('h3'))
    lines.push(name + (node.classList.contains('away') ? ' ' + text(node.querySelector('summary .note')) : ' there'))
    for (const tile of node.querySelectorAll('.tile')) {
      const state = tile.classList.contains('stale') ? 'stale' : 'fresh'
      lines.push(name + '.' + text(tile.querySelector('.name')) + ': ' + state + ' ' + text(tile.querySelector('.value')))
    }
  }
  return lines.join('\\n')
})()`
