/** The demo and `ocs status --watch` as tmux shows them, in panes of usual sizes. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { Panes } from './panes.ts'
import { Lab, OCS, ROOT, until } from './roles.ts'

setDefaultTimeout(400_000)

const DEMO = join(ROOT, 'fixtures', 'sites', 'demo.yaml')
const AGENTS = ['ls240', 'control', 'measurement', 'aggregator', 'ls240-node', 'sensors', 'weather']

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
    const shown = await panes.shows(session, [...AGENTS, 'roles well', 'rows behind', 'still_warm'])
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
