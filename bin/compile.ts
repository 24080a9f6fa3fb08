/**
 * Makes of an installed release the program that its roles run: Bun, the modules of `dist/` and their
 * bytecode in one file. It starts in half the time of the modules, and roles share its pages (decision 0047).
 * Run by `bin/ocs`, with the path of the file.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { compiled, root } from './bundle.ts'

const outfile = resolve(process.argv[2] ?? 'ocs')
const dist = join(root, 'dist')
mkdirSync(dirname(outfile), { recursive: true })
// Complete or not at all, also when two processes start at once. Bun writes to the working directory first.
const making = mkdtempSync(`${outfile}-`)
process.chdir(making)
try {
  await Bun.build({
    ...compiled,
    root: dist,
    // A user's own agent imports the same modules that run it.
    entrypoints: [...new Bun.Glob('{bin,src}/**/*.js').scanSync({ cwd: dist, absolute: true })],
    compile: { ...compiled.compile, outfile: join(making, 'ocs'), assets: [join(root, 'package.json')] },
  })
  renameSync(join(making, 'ocs'), outfile)
} finally {
  process.chdir('/')
  rmSync(making, { recursive: true, force: true })
}
