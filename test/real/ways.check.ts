/**
 * The ways of getting `ocs`: a clone, a release as npm installs it, and the single binary. Each does the
 * same.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare, filesOf, spooled } from './archive.ts'
import { figure, Lab, ROOT, since, until } from './roles.ts'

setDefaultTimeout(600_000)

const CPU = process.arch === 'arm64' ? 'arm64' : 'x64'
/** Those that `.ci/run` has installed and built, else those in the clone. */
const ways: Readonly<Record<string, string>> = {
  clone: join(ROOT, 'bin', 'ocs'),
  release: process.env['OCS_RELEASE'] ?? '',
  binary: process.env['OCS_BINARY'] ?? built(),
}

function built(): string {
  const folder = join(ROOT, 'binary')
  const files = existsSync(folder) ? readdirSync(folder) : []
  return join(folder, files.find((name) => name.endsWith(`-linux-${CPU}`)) ?? 'none')
}

/** The process with all of these words on its command line. */
function pidOf(...words: readonly string[]): number | undefined {
  const found = readdirSync('/proc').find((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      return words.every((word) => line.includes(word))
    } catch {
      return false
    }
  })
  return found === undefined ? undefined : Number(found)
}

test.each(Object.entries(ways))(
  '%s: the demo, its page, and a recorder that is killed',
  async (_, program) => {
    if (!existsSync(program)) throw new Error('name the release in OCS_RELEASE, and the binary in OCS_BINARY')
    await using lab = new Lab()
    const dir = lab.path('demo')
    const run = async (...args: string[]) => {
      const running = lab.program('command', [program, ...args])
      const { code } = await running.ended(60)
      return { code, text: running.text() }
    }
    expect(await run('--version')).toMatchObject({ code: 0 })
    const begun = performance.now()
    const demo = lab.program('demo', [program, 'demo', '--dir', dir], { group: true })
    await demo.says('Ctrl-C stops everything.', 40)
    figure(`the demo is there after ${since(begun).toFixed(1)} s`)

    const page = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:5000${path}`, { headers: { accept: 'text/html' } })
      return { status: answer.status, text: await answer.text() }
    }
    await until('the page is served', 20, async () =>
      (await page('/').catch(() => undefined))?.text.includes('<script'),
    )
    for (const file of ['main.ts', 'style.css', 'uplot.js', 'uplot.css'])
      expect(await page(`/page/${file}`)).toMatchObject({ status: 200 })
    await until('the weather of the package is served', 20, async () =>
      (await page('/api/metrics')).text.includes('weather::'),
    )
    await until('an alarm is raised', 30, async () =>
      (await run('ctrl', 'alarms')).text.includes('still_warm'),
    )
    await until('there is a note', 30, async () =>
      (await run('ctrl', 'history', 'aggregator', 'note')).text.includes('succeeded'),
    )
    await until('there is an operation', 30, async () =>
      (await run('ctrl', 'history', 'control', 'set_still_output')).text.includes('succeeded'),
    )

    const recorder = pidOf('--instance-id', 'aggregator', join(dir, 'data'))
    if (recorder === undefined) throw new Error('the recorder of this lab does not run')
    process.kill(recorder, 'SIGKILL')
    const ended = await demo.says(/^\S+ aggregator ended \(SIGKILL\)/, 20)
    // As typed, since it names this program.
    const again = /To run it again: (.*)$/.exec(ended.text)?.[1] ?? 'false'
    const back = lab.program('aggregator', ['sh', '-c', `exec ${again}`])
    await back.says('new file', 40)
    await until('the files grow again', 40, () => filesOf(join(dir, 'data')).length >= 2)
    // Agents hand over their rows as they stop.
    demo.signal('SIGINT')
    expect((await demo.ended(20)).code).toBe(0)
    expect((await back.stop()).code).toBe(0)
    await compare(lab, join(dir, 'data'), spooled(join(dir, 'state')))
  },
)
