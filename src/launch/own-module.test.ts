import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importOwn } from './own-module.ts'

const folder = mkdtempSync(join(tmpdir(), 'ocs-own-module-'))
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['ocs/instrument/part', 'ocs has no "ocs/instrument/part": did you mean "ocs/instrument/parts"?'],
  ['ocs/nothing/like/it', 'ocs has no "ocs/nothing/like/it": it has ocs, ocs/agents/aggregator, '],
  ['other/part', "Cannot find package 'other'"],
])('an import of %s is told with what there is', async (path, told) => {
  const name = `./${path.replaceAll('/', '-')}.ts`
  writeFileSync(join(folder, name), `import { part } from '${path}'\nexport default part\n`)
  await expect(importOwn(name, folder)).rejects.toThrow(told)
})
