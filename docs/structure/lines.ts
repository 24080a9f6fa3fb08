import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Lines on which something other than a comment stands. */
function codeLines(text: string): number {
  let inside = false
  let count = 0
  for (const line of text.split('\n')) {
    let rest = line.trim()
    if (inside || rest.startsWith('/*')) {
      const end = rest.indexOf('*/')
      inside = end < 0
      rest = inside ? '' : rest.slice(end + 2).trim()
    }
    if (rest !== '' && !rest.startsWith('//')) count++
  }
  return count
}

/** Lines of code by folder of `src`, tests and their aids left out. */
export function rooms(root: string): Map<string, { files: number; lines: number }> {
  const found = new Map<string, { files: number; lines: number }>()
  for (const file of [...new Bun.Glob('src/**/*.ts').scanSync(root)].sort()) {
    if (/\.test(-aid)?\.ts$/.test(file)) continue
    const { files, lines } = found.get(dirname(file)) ?? { files: 0, lines: 0 }
    const more = codeLines(readFileSync(join(root, file), 'utf8'))
    found.set(dirname(file), { files: files + 1, lines: lines + more })
  }
  return found
}
