/** `bin/ocs` becomes the Bun that npm installed, and leaves unusual cases to `bin/ocs.mjs`. */
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

const folder = mkdtempSync('/tmp/ocs-test-')
afterAll(() => rmSync(folder, { recursive: true }))

const root = join(folder, 'a clone', 'ocs')
const write = (path: string, text: string) => {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text, { mode: 0o755 })
}
const says = (name: string) => `#!/bin/sh\necho ${name} "$@"\n`
const at = (path: string, time: number) => utimesSync(join(root, path), time, time)

beforeEach(() => {
  rmSync(join(folder, 'a clone'), { recursive: true, force: true })
  mkdirSync(join(root, 'bin'), { recursive: true })
  cpSync(join(import.meta.dir, '..', 'bin', 'ocs'), join(root, 'bin', 'ocs'))
  write(join(root, 'node_modules', '@oven', 'bun-here', 'bin', 'bun'), says('bun'))
  write(join(folder, 'path', 'node'), says('node'))
  write(join(root, 'node_modules', '.package-lock.json'), '')
  write(join(root, 'package-lock.json'), '')
  write(join(root, '.git', 'HEAD'), '')
  write(join(root, 'dist', 'bin', 'ocs.js'), '')
  at('package-lock.json', 1000)
  at('node_modules/.package-lock.json', 2000)
})

function launched(file = join(root, 'bin', 'ocs')): string {
  const env = { PATH: `${join(folder, 'path')}:/usr/bin:/bin` }
  return Bun.spawnSync([file, 'ctrl', 'a b'], { env, cwd: '/' }).stdout.toString()
}
const FLAGS = '--no-install --no-env-file --config=/dev/null --no-deprecation'

test('in a clone the sources run', () => {
  expect(launched()).toBe(`bun ${FLAGS} ${root}/bin/ocs.ts ctrl a b\n`)
})

describe('in a release', () => {
  const made = join(root, 'dist', 'b1', 'ocs')
  const bundle = (words: string) => `bun ${FLAGS} ${root}/dist/bin/ocs.js ${words}\n`
  beforeEach(() => {
    rmSync(join(root, '.git'), { recursive: true })
    write(join(root, 'dist', 'build'), 'b1\n')
  })
  /** A Bun that prepares the release. */
  const bun = (prepare: string) =>
    write(
      join(root, 'node_modules', '@oven', 'bun-here', 'bin', 'bun'),
      `#!/bin/sh\nfor last; do :; done\ncase "$*" in *compile.ts*) ${prepare} ;; *) echo bun "$@" ;; esac\n`,
    )

  test('the first start makes one file of it, which runs from then on', () => {
    write(join(folder, 'path', 'made'), says('made'))
    bun(`mkdir -p "\${last%/*}" && cp ${join(folder, 'path', 'made')} "$last"`)
    expect(launched()).toBe('made ctrl a b\n')
    bun('exit 9')
    expect(launched()).toBe('made ctrl a b\n')
    expect(existsSync(made)).toBe(true)
  })

  test('another build is made anew', () => {
    write(made, says('made'))
    write(join(root, 'dist', 'build'), 'b2\n')
    bun('exit 1')
    expect(launched()).toBe(bundle('ctrl a b'))
  })

  test('the bundle runs where that cannot be made', () => {
    bun('exit 1')
    expect(launched()).toBe(bundle('ctrl a b'))
    rmSync(join(root, 'dist', 'build'))
    expect(launched()).toBe(bundle('ctrl a b'))
  })

  test('tests run by Bun', () => {
    write(made, says('made'))
    const env = { PATH: '/usr/bin:/bin' }
    const { stdout } = Bun.spawnSync([join(root, 'bin', 'ocs'), 'test', 'x.ts'], { env, cwd: '/' })
    expect(stdout.toString()).toBe(bundle('test x.ts'))
  })
})

test('it is found behind links, as npm makes them', () => {
  mkdirSync(join(folder, 'a clone', '.bin'))
  symlinkSync('../ocs/bin/ocs', join(folder, 'a clone', '.bin', 'ocs'))
  symlinkSync(join(folder, 'a clone', '.bin', 'ocs'), join(folder, 'a clone', 'other'))
  expect(launched(join(folder, 'a clone', 'other'))).toContain(`${root}/bin/ocs.ts`)
})

test('a package of somebody’s has Bun beside it', () => {
  rmSync(join(root, 'node_modules'), { recursive: true })
  rmSync(join(root, 'package-lock.json'))
  write(join(folder, 'a clone', '@oven', 'bun-here', 'bin', 'bun'), says('bun beside'))
  expect(launched()).toStartWith('bun beside')
})

test.each([
  ['no Bun', () => rmSync(join(root, 'node_modules', '@oven'), { recursive: true })],
  ['a newer lockfile', () => at('package-lock.json', 3000)],
  ['no word of what was installed', () => rmSync(join(root, 'node_modules', '.package-lock.json'))],
])('%s: Node sees to it', (_, change) => {
  change()
  expect(launched()).toBe(`node ${root}/bin/ocs.mjs ctrl a b\n`)
})

test('a Bun for another library of C is passed over: npm before version 10.4 installs it as well', () => {
  const musl = [...new Bun.Glob('ld-musl-*').scanSync({ cwd: '/lib', onlyFiles: false })].length > 0
  write(join(root, 'node_modules', '@oven', 'bun-here-musl', 'bin', 'bun'), says('musl'))
  expect(launched()).toStartWith(musl ? 'musl ' : 'bun ')
})
