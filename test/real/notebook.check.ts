/**
 * The package of `python/` as pip installs it: data frames of a running lab and of its files, live readings,
 * the client.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { figure, Lab, ROOT, until } from './roles.ts'

setDefaultTimeout(400_000)

const PYTHON = process.env['OCS_NOTEBOOK_PYTHON'] ?? ''
if (!PYTHON)
  throw new Error(
    'OCS_NOTEBOOK_PYTHON has to name a Python with the wheel of python/, pandas, paho-mqtt, ocs and coverage',
  )
const BRIDGE = 'http://127.0.0.1:5000'

test('the parts are there, and written in Python 3.9', async () => {
  await using lab = new Lab()
  const code = `
import ast, pathlib, sys, ocs_child, ocs_lab, ocs_mqtt
for module in (ocs_child, ocs_lab, ocs_mqtt):
    assert '${ROOT}' not in module.__file__, module.__file__
for file in [ocs_lab.__file__, ocs_mqtt.__file__, *pathlib.Path(ocs_child.__file__).parent.glob('*.py')]:
    ast.parse(open(file).read(), feature_version=(3, 9))
`
  const imported = lab.program('imports', [PYTHON, '-c', code])
  expect([(await imported.ended(60)).code, imported.text()]).toEqual([0, ''])
  const listed = lab.program('list', [PYTHON, '-m', 'ocs_child', '--list'])
  await listed.ended(60)
  expect(JSON.parse(listed.text('out').split('\n').at(-1) ?? '')).toMatchObject({
    classes: { FakeDataAgent: 'ocs' },
  })
})

test('a data frame has what was published, from live nodes and from files, and readings come live', async () => {
  await using lab = new Lab()
  const site = lab.site(
    'instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--data-dir, data, --frame-length, 2]',
    `instance-id: ls240, agent-class: Lakeshore240Agent, arguments: [--port, ${lab.path('tty')}, --sampling-frequency, 5]`,
    'instance-id: ls, agent-class: ThermometryDataNode, arguments: [--target, ls240, --name, LS]',
    'instance-id: archive, agent-class: ArchiveDataNode, arguments: [--data-dir, data]',
  )
  await lab.hub(...site)
  await lab.sim('240', 'LSA21OQ', '--pty', lab.path('tty'))
  const start = (instance: string) => lab.start(instance, ['agent', '--instance-id', instance, ...site])
  await start('aggregator').says('Status is now "running"', 40)
  const ls240 = start('ls240')
  await ls240.says('Channel_1 ', 40)
  const node = start('ls')
  await start('archive').says('session joined', 40)
  await lab.start('bridge', ['bridge', ...site]).says('listening on', 40)
  const metrics = async () =>
    (await (await fetch(`${BRIDGE}/api/metrics`)).text()).includes('LS::Channel_1_T')
  await until('the node has fields', 40, metrics)
  await node.says('session joined')
  await until('readings are there', 60, async () => {
    const rows = await (await fetch(`${BRIDGE}/api/data?metric=LS::Channel_1_T`)).json().catch(() => [])
    return Array.isArray(rows) && rows.length > 40
  })
  const python = (code: string) => lab.program('python', [PYTHON, '-u', '-c', code])
  const run = async (code: string) => {
    const running = python(`
import sys, itertools, pandas
import ocs_lab
from ocs_lab import Lab, LabError
lab = Lab()
def fails(act, *words):
    try: act()
    except LabError as error: assert all(word in str(error) for word in words), error
    else: raise AssertionError('no error')
${code}`)
    expect([(await running.ended(60)).code, running.text('err')]).toEqual([0, ''])
    return running.text('out')
  }
  await run(`
frame = lab.data('ls240.*', '-10min')
assert {'ls240.Channel_1_T', 'ls240.Channel_1_V', 'ls240.Channel_2_V'} <= set(frame.columns), frame.columns
assert str(frame.index.tz) == 'UTC' and frame.index.is_monotonic_increasing and frame.index.is_unique
T = frame['ls240.Channel_1_T'].dropna()
assert len(T) > 40 and T.diff().abs().max() < 10, T
# Spans with more than an answer holds are asked for in parts: what comes is the same.
end = T.index[-1].to_pydatetime()
whole = lab.data('ls240.Channel_1_T', '-10min', end)
ocs_lab.MOST_POINTS, asked = 7, []
get = Lab._get
Lab._get = lambda lab, path: (asked.append(path), get(lab, path))[1]
parts = lab.data('ls240.Channel_1_T', '-10min', end)
assert len(asked) > 8 and parts.equals(whole), (len(asked), len(parts), len(whole))
ocs_lab.MOST_POINTS = 20_000
asked.clear()
assert len(lab.data('ls240.*', '-1min').columns) > 1 and sum('/api/data' in path for path in asked) == 1, asked
means = lab.data('ls240.Channel_[12]_[TV]', '-10min', end, every='2s')
mean = whole['ls240.Channel_1_T'].resample('2s').mean()
assert abs(means['ls240.Channel_1_T'] - mean).max() < 1e-12 and len(means.columns) == 3
assert list(lab.data('LS::Channel_2_V', '-1min').columns) == ['LS::Channel_2_V']
assert list(lab.data('ls240.temperatures.Channel_2_V', '-1min').columns) == ['ls240.Channel_2_V']
fails(lambda: lab.data('ls241.*'), "'ls241.*'", 'ls240')
fails(lambda: lab.data('ls240.*', 'yesterday'), 'yesterday', '-1d')
fails(lambda: Lab('http://127.0.0.1:5001').data('*'), 'no bridge', 'ocs bridge')
some = list(itertools.islice(lab.follow('ls240.Channel_1_[TV]', interval=0.2), 20))
for name in ('ls240.Channel_1_T', 'ls240.Channel_1_V'):
    times = [reading.time for reading in some if reading.name == name]
    assert len(times) >= 5 and times == sorted(set(times)), times
later = lab.data('ls240.Channel_1_T', some[0].time, some[-1].time)
assert [reading.value for reading in some if reading.name == 'ls240.Channel_1_T'] == list(later.iloc[:, 0])
sys.modules['pandas'] = None
fails(lambda: lab.data('ls240.*'), 'pandas', 'ocs-child[notebook]')
`)
  const env = { OCS_CONFIG_DIR: lab.dir }
  const example = lab.program('example', [PYTHON, join(ROOT, 'examples/python/notebook.py'), BRIDGE], { env })
  expect([(await example.ended(60)).code, example.text('err')]).toEqual([0, ''])
  expect(example.text('out').match(/ K$/gm)).toHaveLength(10)
  figure(/\d+ samples.*/.exec(example.text('out'))?.[0] ?? '')
  // The instrument and its node are gone: the recorded data are there under the same names.
  await ls240.stop()
  await node.stop()
  await until('it is in a file', 60, async () => {
    const found = python(`from ocs_lab import Lab; print(len(Lab().data('ls240.Channel_1_T', '-10min')))`)
    await found.ended(60)
    return Number(found.text('out')) > 40
  })
})
