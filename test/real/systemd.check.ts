/**
 * The units of `ocs systemd` under a real systemd: roles start, are restarted when killed, and are stopped in
 * order.
 */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROGRAM } from '../../src/host/children.ts'
import { until } from './roles.ts'

setDefaultTimeout(200_000)

const folder = mkdtempSync('/tmp/ocs-systemd-')
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const site = join(folder, 'lab.yaml')
const data = join(folder, 'data')
writeFileSync(
  site,
  `hub: {mqtt_server: "mqtt://127.0.0.1:1883", wamp_server: "ws://127.0.0.1:8001/ws"}
hosts:
  localhost:
    agent-instances:
      - {instance-id: rec, agent-class: AggregatorAgent, arguments: [--data-dir, ${data}, --frame-length, 1]}
      - {instance-id: fake, agent-class: FakeDataAgent, arguments: [--mode, acq]}
`,
)

/**
 * A separate systemd, a user's, which must not be the first process, since that one manages a machine. It
 * needs a folder of `/run` that shows that the machine was started by systemd, and a tree of control groups.
 */
const SYSTEMD = `
mount -t cgroup2 none /sys/fs/cgroup && mount -t tmpfs none /run && mkdir -p /run/systemd/system
mkdir -p /sys/fs/cgroup/$CGROUP && echo $$ > /sys/fs/cgroup/$CGROUP/cgroup.procs
ip link set lo up
unshare --cgroup /lib/systemd/systemd --user --log-target=console & wait
`

class OwnSystemd implements AsyncDisposable {
  readonly #home: string
  readonly #child: Bun.Subprocess
  readonly #cgroup = `ocs-${process.pid}-${crypto.randomUUID().slice(0, 8)}`
  #first = 0

  private constructor(home: string) {
    this.#home = home
    mkdirSync(join(home, 'run'), { recursive: true, mode: 0o700 })
    this.#child = Bun.spawn(
      [
        'unshare',
        '--mount',
        '--net',
        '--pid',
        '--fork',
        '--kill-child',
        '--mount-proc',
        'sh',
        '-ec',
        SYSTEMD,
      ],
      { env: this.#env(), stdout: 'ignore', stderr: Bun.file(join(home, 'systemd.log')) },
    )
  }

  static async begin(home: string): Promise<OwnSystemd> {
    const own = new OwnSystemd(home)
    await until('systemd', 30, () => existsSync(join(home, 'run', 'systemd', 'private')))
    const { pid } = own.#child
    own.#first = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
    return own
  }

  log(): string {
    return readFileSync(join(this.#home, 'systemd.log'), 'utf8')
  }

  /** The folder for units of this home, and state that systemd creates. */
  get units(): string {
    return join(this.#home, '.config', 'systemd', 'user')
  }

  #env(): Record<string, string> {
    const { PATH = '' } = process.env
    return { PATH, HOME: this.#home, XDG_RUNTIME_DIR: join(this.#home, 'run'), CGROUP: this.#cgroup }
  }

  ctl(...words: string[]): string {
    const enter = ['nsenter', '--target', String(this.#first), '--mount', '--net', '--pid']
    const { stdout, stderr, exitCode } = Bun.spawnSync([...enter, 'systemctl', '--user', ...words], {
      env: this.#env(),
    })
    if (exitCode !== 0) throw new Error(`systemctl ${words.join(' ')}: ${stderr}\n${this.log()}`)
    return stdout.toString().trim()
  }

  show(unit: string, property: string): string {
    return this.ctl('show', '--property', property, '--value', unit)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#child.exited
    // Folders of control groups are removed one by one, the innermost first, and only after their processes.
    const roots = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].map((root) => join(root, this.#cgroup))
    for (const root of roots.filter((path) => existsSync(path)))
      await until('an end of its control groups', 30, () => {
        Bun.spawnSync(['find', root, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'])
        return !existsSync(root)
      })
  }
}

const recordings = () =>
  existsSync(data)
    ? readdirSync(data, { recursive: true }).filter((name) => String(name).endsWith('.g3'))
    : []

test.each([
  ['one unit for ocs up', ['--up'], 'ocs-observatory.service'],
  ['a unit for each role', [], 'ocs-observatory-fake.service'],
])('%s', async (_, flags, killed) => {
  const home = mkdtempSync(join(folder, 'home-'))
  await using systemd = await OwnSystemd.begin(home)
  const made = Bun.spawnSync(
    [
      ...PROGRAM,
      'systemd',
      ...flags,
      '--site-file',
      site,
      '--site-host',
      'localhost',
      '--out',
      systemd.units,
    ],
    { cwd: folder },
  )
  expect([made.exitCode, made.stderr.toString()]).toEqual([0, ''])
  const names = readdirSync(systemd.units)
  expect(names.length).toBe(flags.length > 0 ? 1 : 3)
  systemd.ctl('daemon-reload')
  const before = recordings().length
  systemd.ctl('start', ...names)
  await until('a recording', 60, () => recordings().length > before)
  const pid = systemd.show(killed, 'MainPID')
  systemd.ctl('kill', '--kill-whom=main', '--signal=KILL', killed)
  await until(
    'started again',
    60,
    () => systemd.show(killed, 'NRestarts') === '1' && systemd.show(killed, 'ActiveState') === 'active',
  )
  expect(systemd.show(killed, 'MainPID')).not.toBe(pid)
  // All roles ended with ocs up, and came back with it.
  const again = recordings().length
  if (flags.length > 0) await until('another recording', 60, () => recordings().length > again)
  systemd.ctl('stop', ...names)
  expect(names.map((name) => [systemd.show(name, 'ActiveState'), systemd.show(name, 'Result')])).toEqual(
    names.map(() => ['inactive', 'success']),
  )
  // With StateDirectory a user's systemd keeps state in its own place.
  const spools = readdirSync(home, { recursive: true }).filter((name) => String(name).endsWith('fake.sqlite'))
  expect(spools.map(String)).toEqual([expect.stringMatching(/ocs\/observatory\/fake\.sqlite$/)])
})
