import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { sbom } from '../bin/sbom.ts'
import manifest from '../package.json' with { type: 'json' }
import lock from '../package-lock.json' with { type: 'json' }

test('a release comes with a list of its parts: all that are installed with it, none that only builds it', async () => {
  const bom = JSON.parse(await sbom())
  expect([bom.bomFormat, bom.specVersion, bom.metadata.component.name]).toEqual(['CycloneDX', '1.5', 'ocs'])
  const parts: { name: string; version: string; hashes?: object[] }[] = bom.components
  const told = new Set(parts.map(({ name, version }) => `${name}@${version}`))
  const direct = Object.entries(manifest.dependencies).map(([name, version]) => `${name}@${version}`)
  expect(direct.filter((one) => !told.has(one))).toEqual([])
  const named = Object.entries(lock.packages).flatMap(([path, about]) => {
    const name = 'name' in about ? about.name : path.replace(/^.*node_modules\//, '')
    return path === '' ? [] : [{ id: `${name}@${about.version}`, isDev: 'dev' in about && about.dev }]
  })
  const used = new Set(named.filter(({ isDev }) => !isDev).map(({ id }) => id))
  expect([...used].filter((id) => !told.has(id))).toEqual([])
  expect([...told].filter((id) => !used.has(id))).toEqual([])
  expect(parts.filter(({ hashes }) => !hashes?.length).map(({ name }) => name)).toEqual([])
  // It is written where npm packs from.
  expect(readFileSync('bin/build.ts', 'utf8')).toContain("join(outdir, 'sbom.cdx.json'), await sbom()")
  expect([manifest.files, manifest.scripts.prepack]).toEqual([
    expect.arrayContaining(['dist']),
    expect.stringContaining('build'),
  ])
})
