import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { folder } from '../../test/temporary.ts'
import { commandLine } from './ctrl/ctrl.test-aid.ts'

const SITE = join(import.meta.dir, '..', '..', 'fixtures', 'sites', 'demo.yaml')

/** What a provisioning prints, and the type of its data source. */
async function provisioned(...flags: string[]) {
  const out = folder()
  // No hub answers at port 1.
  const hub = ['--site-file', SITE, '--site-host=localhost', '--site-hub=mqtt://127.0.0.1:1']
  const line = commandLine(['grafana', 'provision', '--out', out, ...hub, ...flags])
  const code = await line.code
  const source = /"type": "([^"]+)"/.exec(readFileSync(join(out, 'datasources', 'ocs.yaml'), 'utf8'))?.[1]
  return { code, source, warnings: line.err().match(/^warning: .*$/gm) }
}

test('Graphite is what dashboards ask; another, or to name it, is warned of', async () => {
  expect(await provisioned()).toEqual({ code: 0, source: 'graphite', warnings: null })
  expect(await provisioned('--dialect=graphite')).toEqual({
    ...{ code: 0, source: 'graphite' },
    warnings: ['warning: the next version does not know --dialect: leave it out, graphite is what it writes'],
  })
  expect(await provisioned('--dialect=simpod')).toEqual({
    ...{ code: 0, source: 'simpod-json-datasource' },
    warnings: [
      'warning: the next version does not know --dialect, and writes no dashboards for simpod: leave it out, and they ask Graphite, which is built into Grafana; dashboards of your own that ask simpod go on',
    ],
  })
})
