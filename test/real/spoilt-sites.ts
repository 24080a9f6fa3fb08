/** Writes corrupted site files and reads each as every command does: `spoilt-sites.ts COUNT SEED FOLDER`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../src/core/errors.ts'
import { loadSite } from '../../src/site/find.ts'
import { spoiltSites } from '../../src/site/fuzz.test-aid.ts'
import { seeded } from '../random.ts'

const [count = 0, seed = 0] = process.argv.slice(2, 4).map(Number)
const file = join(process.argv[4] ?? '.', 'spoilt.yaml')
const spoilt = spoiltSites(seeded(seed))
let refused = 0
for (let n = 0; n < count; n++) {
  const text = spoilt()
  writeFileSync(file, text)
  try {
    await loadSite(file)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw new Error(`file ${n}:\n${text}`, { cause: error })
    refused++
  }
}
process.stdout.write(`${count - refused} read, ${refused} refused; ${process.resourceUsage().maxRSS}\n`)
