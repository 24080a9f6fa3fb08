/** The demo and `ocs status --watch` as tmux shows them, in panes of the sizes that people have. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { Lab, OCS, ROOT, until } from './roles.ts'

setDefaultTimeout(120_000)

const DEMO = join(ROOT, 'fixtures', 'sites', 'demo.yaml')
const AGENTS = ['ls240', 'control', 'measurement', 'aggregator', 'ls240-node', 'sensors', 'weather']

/** A tmux server of the lab's own. */
class Panes implements AsyncDisposable {
  readonly #lab: Lab

  constructor(lab: Lab) {
    this.#lab = lab
  }

  async tmux(...args: string[]): Promise<string> {
    const running = this.#lab.program('tmux', ['tmux', ...args], { env: { TMUX_TMPDIR: this.#lab.path() } })
    await running.ended(20)
    return running.text()
  }

  /** Runs a command in a session of its own, in a pane of this size. */
  async open(session: string, [columns, rows]: readonly [number, number], command: readonly string[]) {
    const size = ['-x', String(columns), '-y', String(rows)]
    await this.tmux('new-session', '-d', '-s', session, ...size, '-c', this.#lab.dir, '--', ...command)
  }

  /** What a pane shows, once it has all of these. */
  shows(session: string, texts: readonly string[]): Promise<string> {
    return until(`${session} shows ${texts.join(', ')}`, 60, async () => {
      const text = await this.tmux('capture-pane', '-p', '-t', `=${session}:`)
      return texts.every((one) => text.includes(one)) && text
    })
  }

  async [Symbol.asyncDispose]() {
    await this.tmux('kill-server')
  }
}

test('the demo at 60 × 20 shows every role and readings of every instrument; ocs status fits 80 × 24 and 60 × 20', async () => {
  await using lab = new Lab()
  await using panes = new Panes(lab)
  await panes.open('demo', [60, 20], [...OCS, 'demo', '--dir', lab.path('demo')])
  const readings = ['ls240/', 'control/', 'measurement/', ' K ']
  const demo = await panes.shows('demo', [...AGENTS, 'bridge', ...readings, 'Ctrl-C stops everything.'])
  expect(demo).toContain('well: hub')

  for (const size of [
    [80, 24],
    [60, 20],
  ] as const) {
    const session = `status-${size[0]}`
    await panes.open(session, size, [...OCS, 'status', '--watch', '--site-file', DEMO])
    const shown = await panes.shows(session, [...AGENTS, 'roles well', 'rows behind', 'no alarm agent'])
    expect(shown).toMatch(/ls240 +[\d.]* ?/)
    expect(shown.split('\n').length).toBeLessThanOrEqual(size[1] + 1)
    await panes.tmux('send-keys', '-t', `=${session}:`, 'C-c')
    await until(`${session} is over`, 10, async () =>
      (await panes.tmux('list-sessions', '-F', '#S')).split('\n').every((name) => name !== session),
    )
  }
  await panes.tmux('send-keys', '-t', '=demo:', 'C-c')
  await until('the demo is over', 10, async () => !(await panes.tmux('list-sessions')).includes('demo'))
})
