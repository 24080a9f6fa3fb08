import { Database } from 'bun:sqlite'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type FeedDeclaration, feedAddress, type Row } from '../../src/core/channels.ts'
import { figure, type Lab, ROOT } from './roles.ts'

/** A row with its instance, feed and names. */
export interface Sent {
  readonly instance: string
  readonly feed: string
  readonly row: Row
}
/** A row as stored in an agent's spool. */
export interface Spooled extends Sent {
  readonly declaration: FeedDeclaration
}

/** Python with so3g, and with spt3g: they cannot share one, since so3g brings its own spt3g. */
const READERS = { so3g: 'OCS_SO3G_PYTHON', spt3g: 'OCS_SPT3G_PYTHON' }

/** A spool that other processes may be using: waits for it, 5 s at most. */
function opened(file: string): Database {
  const db = new Database(file)
  db.run('PRAGMA busy_timeout = 5000')
  return db
}

/** Whether an instance stores readings: one that publishes none has only its sessions. */
function hasRows(db: Database): boolean {
  return db.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'rows'").get() !== null
}

/** All rows of the spools under a folder, read as plain SQLite. Acknowledged rows stay an hour, so they are all there. */
export function spooled(stateDir: string, root = 'observatory'): Spooled[] {
  return spoolFiles(stateDir, root).flatMap((file) => {
    using db = opened(file)
    if (!hasRows(db)) return []
    const found = db
      .query(
        `SELECT feed, e.epoch AS epoch, declaration, seq, body
         FROM rows JOIN epochs e ON e.id = rows.epoch ORDER BY e.id, seq`,
      )
      .all() as { feed: string; epoch: string; declaration: string; seq: number; body: string }[]
    return found.map(({ feed, epoch, declaration, seq, body }) => ({
      instance: basename(file, '.sqlite'),
      feed,
      declaration: JSON.parse(declaration),
      row: { ...JSON.parse(body), epoch, seq },
    }))
  })
}

/** Rows of all spools that no recorder has acknowledged, as far as the agents have written that to disk. */
export function unacknowledged(stateDir: string, root = 'observatory'): number {
  return spoolFiles(stateDir, root).reduce((sum, file) => {
    using db = opened(file)
    if (!hasRows(db)) return sum
    const { rows } = db.query('SELECT COALESCE(SUM(last - acked), 0) AS rows FROM epochs').get() as {
      rows: number
    }
    return sum + rows
  }, 0)
}

function spoolFiles(stateDir: string, root: string): string[] {
  const folder = join(stateDir, root)
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sqlite'))
    .map((name) => join(folder, name))
}

/** Identifies a row among all others. */
export function keyOf({ instance, feed, row: { epoch, seq } }: Sent): string {
  return `${instance}/${feed}/${epoch}/${seq}`
}

/** Number of samples in rows: times, whatever the number of fields. */
export function samplesOf(rows: readonly Sent[]): number {
  return rows.reduce((sum, { row }) => sum + row.t.length, 0)
}

/**
 * Compares a data directory with rows, bit for bit, as so3g and spt3g read it, and prints their reports.
 * @throws Error with the differences
 */
export async function compare(lab: Lab, dataDir: string, rows: readonly Spooled[]): Promise<void> {
  const expected = lab.path('expected.jsonl')
  writeFileSync(expected, rows.map(linesOf).join(''))
  for (const [reader, variable] of Object.entries(READERS)) {
    const python = process.env[variable]
    if (!python) throw new Error(`${variable} has to name the Python that has ${reader}`)
    const check = [python, join(ROOT, 'test', 'g3', 'check.py'), dataDir, expected]
    const running = lab.program(reader, check)
    const { code } = await running.ended(120 + rows.length / 100)
    if (code !== 0) throw new Error(`${reader}:\n${running.text()}`)
    figure(running.text('out').trim())
  }
}

function linesOf({ instance, feed, row, declaration }: Spooled): string {
  const address = feedAddress('observatory', instance, feed)
  const fields = declaration.blocks[row.block] ?? {}
  return Object.entries(row.data)
    .map(([field, values]) => {
      const type = fields[field]?.type ?? 'double'
      return `${JSON.stringify({ address, field, type, t: row.t, values })}\n`
    })
    .join('')
}

/** The `.g3` files of a data directory, oldest first; empty if there is no directory yet. */
export function filesOf(dataDir: string): string[] {
  if (!existsSync(dataDir)) return []
  return [...new Bun.Glob('[0-9]*/*.g3').scanSync(dataDir)].sort()
}
