/** `npm run bench [NAME…]`: compares this product with the programs it replaces. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Anchor, install } from './anchors/anchor.ts'
import type { Bench } from './bench.ts'
import { benches } from './index.ts'
import { endAll } from './lab.ts'
import { machine, ownVersions, runName } from './machine.ts'
import { measuredRows, type Outcome, runBench } from './runner.ts'
import { lineOf, merge, readTable, type Table, writeTable } from './table.ts'

const HELP = `Usage: npm run bench [NAME…] [-- OPTIONS]

Measures ocs beside what it replaces, by turns; without a name, everything.

  --list         name the benches, and what each needs
  --install      first install what is missing into a cache folder ($XDG_CACHE_HOME or ~/.cache, ocs-bench)
  --rounds N     so many rounds of each
  --quick        each once and small, for CI: fails when messages or rows are lost, never by a time
  --json FILE    write every figure of every round
  --out FILE     keep the table in FILE (docs/performance.md); benches that did not run keep their rows
`
/** About this run, determined before it begins. */
const RUN = { name: runName(), machine: machine(), ours: ownVersions() }
const say = (text: string) => void process.stdout.write(`${text}\n`)

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      list: { type: 'boolean' },
      install: { type: 'boolean' },
      rounds: { type: 'string' },
      quick: { type: 'boolean' },
      json: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    say(HELP)
    return 0
  }
  const strangers = positionals.filter((name) => !benches.some((bench) => bench.name === name))
  if (strangers.length > 0) throw new Error(`no bench is called ${strangers.join(', ')}: see --list`)
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0 && rounds <= 1000)) {
    throw new Error('--rounds takes a number from 1 to 1000')
  }
  const chosen = positionals.length ? benches.filter(({ name }) => positionals.includes(name)) : benches
  if (values.list) {
    for (const { name, help, anchors } of chosen) {
      say(
        `${name.padEnd(14)} ${help}${anchors.length ? ` [${anchors.map(({ name }) => name).join(', ')}]` : ''}`,
      )
    }
    return 0
  }
  const versions = findAnchors(chosen, values.install === true)
  say(`machine: ${RUN.machine}`)
  say(`ours: ${RUN.ours}`)

  const outcomes: Outcome[] = []
  for (const bench of chosen) {
    say(`\n== ${bench.name}: ${bench.help}`)
    const begun = performance.now()
    const outcome = await runBench(bench, { quick: values.quick === true, rounds, versions, say })
    outcomes.push(outcome)
    // At once, so that an interrupted run keeps its results.
    if (values.out) keep(values.out, outcome, versions)
    for (const line of linesOf(outcome, 'now')) say(`  ${line.cells}`)
    for (const text of outcome.wrong) say(`  WRONG COUNT: ${text}`)
    if (outcome.error) say(`  FAILED: ${outcome.error}`)
    say(`  ${((performance.now() - begun) / 1000).toFixed(0)} s`)
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(asJson(outcomes, versions), undefined, 1)}\n`)
  const failed = outcomes.filter(({ wrong, error }) => wrong.length > 0 || error)
  if (failed.length > 0) say(`\nfailed: ${failed.map(({ bench }) => bench.name).join(', ')}`)
  return failed.length > 0 ? 1 : 0
}

/** The versions of all required anchors; reports which are missing, and how to get them. */
function findAnchors(chosen: readonly Bench[], mayInstall: boolean): Map<Anchor, string | undefined> {
  const found = new Map<Anchor, string | undefined>()
  for (const anchor of new Set(chosen.flatMap(({ anchors }) => anchors))) {
    let version = anchor.version()
    if (version === undefined && mayInstall && anchor.install.length > 0) {
      say(`installing ${anchor.name} …`)
      install(anchor)
      version = anchor.version()
    }
    found.set(anchor, version)
    const get = anchor.get ?? 'npm run bench -- --install'
    say(version === undefined ? `${anchor.name} is not here: ${get}` : `${anchor.name}: ${version}`)
  }
  return found
}

const linesOf = (outcome: Outcome, run: string) =>
  measuredRows(outcome).map((row) => lineOf(outcome.bench, row, run))

function wordsOf(versions: ReadonlyMap<Anchor, string | undefined>): string {
  const theirs = [...versions].filter(([, version]) => version !== undefined)
  return theirs.map(([{ name }, version]) => `${name} ${version}`).join('; ')
}

function asJson(outcomes: readonly Outcome[], versions: ReadonlyMap<Anchor, string | undefined>): unknown {
  const results = outcomes.map(({ bench, sides, wrong, error }) => ({
    bench: bench.name,
    how: bench.how,
    sides,
    wrong,
    error,
    rows: measuredRows({ bench, sides }),
  }))
  return { ...RUN, theirs: wordsOf(versions), results }
}

/** Merges measurements into the stored table. A bench that failed keeps its rows. */
function keep(file: string, outcome: Outcome, versions: ReadonlyMap<Anchor, string | undefined>): void {
  if (outcome.error || outcome.wrong.length > 0) return
  const words = `${RUN.machine}; ours: ${RUN.ours}; theirs: ${wordsOf(versions)}`
  const fresh: Table = {
    lines: linesOf(outcome, RUN.name),
    runs: new Map([[RUN.name, words]]),
  }
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '# Performance\n\n'
  const blank: Table = {
    lines: benches.flatMap((bench) => linesOf({ bench, sides: {}, wrong: [] }, '')),
    runs: new Map(),
  }
  const old = readTable(text)
  const names = benches.map(({ name }) => name)
  const known = new Set(old.lines.map(({ bench }) => bench))
  const unknown = { ...blank, lines: blank.lines.filter(({ bench }) => !known.has(bench)) }
  writeFileSync(file, writeTable(text, merge(merge(old, unknown, names), fresh, names)))
}

// All files of a run, and the home folders of its programs, are in one folder that is removed with it.
const dir = mkdtempSync(join(tmpdir(), 'ocs-bench-'))
process.env['TMPDIR'] = dir
const end = (code: number): never => {
  endAll()
  rmSync(dir, { recursive: true, force: true })
  process.exit(code)
}
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => end(code))
}
end(
  await main().catch((error: Error) => {
    process.stderr.write(`bench: ${error.message}\n`)
    return 2
  }),
)
