/** The problems that prevent a release. */

/** Files that repeat the version of `package.json`, where it is set, and a pattern that finds it. */
export const copies: Readonly<Record<string, RegExp>> = {
  'package-lock.json': /^ {2}"version": "([^"]+)"/m,
  'python/pyproject.toml': /^version = "([^"]+)"$/m,
  'python/ocs_child/__init__.py': /^__version__ = '([^']+)'$/m,
  'deploy/compose.yaml': /image: ocs:(\S+)$/m,
  'docs/user-guide.md': /-(\d[\w.]*)\.tgz/,
}

/**
 * Checks the contents of a release.
 * @param changed the output of `git status --porcelain`
 * @param read the text of a file of the repository
 * @returns what is wrong and what to do, one line each; empty if it may be released
 */
export function releaseProblems(version: string, changed: string, read: (path: string) => string): string[] {
  const dirty = changed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `${line.slice(3)} is changed and not committed: commit it, or take it away`)
  const stale = Object.entries(copies).flatMap(([path, where]) => {
    const said = where.exec(read(path))?.[1]
    return said === version
      ? []
      : [`${path} says version ${said ?? 'nothing'}, package.json ${version}: write it there`]
  })
  const heading = new RegExp(String.raw`^## \[${RegExp.escape(version)}\] - (.*)$`, 'm').exec(
    read('CHANGELOG.md'),
  )
  const dated = /^\d{4}-\d\d-\d\d$/.test(heading?.[1] ?? '')
  const untold = dated
    ? []
    : [`CHANGELOG.md has no "## [${version}] - YYYY-MM-DD": give what is new its heading`]
  return [...dirty, ...stale, ...untold]
}
