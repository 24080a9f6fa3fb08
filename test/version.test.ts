/**
 * The version is set in package.json; the copies that others need agree with it, and no other file states it.
 */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { copies, releaseProblems } from '../bin/release-problems.ts'
import manifest from '../package.json' with { type: 'json' }

const { version } = manifest
const read = (path: string) => readFileSync(path, 'utf8')

test('what says the version says that of package.json, and the sources say none', () => {
  const said = Object.entries(copies).map(([path, where]) => [path, where.exec(read(path))?.[1]])
  expect(said).toEqual(Object.keys(copies).map((path) => [path, version]))
  const sources = [...new Bun.Glob('{src,bin,python}/**/*.{ts,mjs,py}').scanSync('.')].filter(
    (path) => !path.endsWith('.test.ts') && !(path in copies),
  )
  expect(sources.length).toBeGreaterThan(500)
  const literal = new RegExp(String.raw`(['"])${RegExp.escape(version)}\1`)
  expect(sources.filter((path) => literal.test(read(path)))).toEqual([])
})

test('a release is refused for changed files, another version somewhere, and a changelog without its date', () => {
  const dated = (path: string) =>
    path === 'CHANGELOG.md' ? `# Changelog\n\n## [${version}] - 2026-12-01\n` : read(path)
  expect(releaseProblems(version, '', dated)).toEqual([])
  expect(releaseProblems(version, ' M src/ocs.ts\n?? a b\n', dated)).toEqual([
    'src/ocs.ts is changed and not committed: commit it, or take it away',
    'a b is changed and not committed: commit it, or take it away',
  ])
  const stale = releaseProblems('9.9.9', '', dated)
  expect(stale).toHaveLength(Object.keys(copies).length + 1)
  expect(stale).toContain(`python/pyproject.toml says version ${version}, package.json 9.9.9: write it there`)
  const undated = (path: string) => (path === 'CHANGELOG.md' ? `## [${version}] - unreleased\n` : read(path))
  expect(releaseProblems(version, '', undated)).toEqual([
    expect.stringContaining(`no "## [${version}] - YYYY-MM-DD"`),
  ])
})
