import { Database } from 'bun:sqlite'
import { closeSync, fdatasync, openSync } from 'node:fs'
import { KEPT_SESSIONS } from '../core/built-in.ts'
import { diskAdvice, diskFault } from '../core/disk-fault.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import type { Memory } from '../core/lab.ts'
import { addTransition, OpSession, opCodeOf, stateOf } from '../core/ops.ts'
import { mustKnowVersion } from '../machine/file-version.ts'
import { lockInstance } from '../machine/lock-file.ts'
import { ownFile } from '../machine/private-file.ts'

/** Version of the tables, in SQLite's `user_version`; before 0.1 there was none. */
export const SESSIONS_VERSION = 1
const DIED = 'The agent died while this was under way; it is back now.'

/**
 * The latest sessions of an agent's operations, across restarts: one SQLite file, one owner. A change
 * survives `kill -9` at once, and a power cut after a background sync.
 */
export class SessionStore {
  readonly #db: Database
  readonly #path: string
  readonly #lock: Database | undefined
  readonly #log: number | undefined
  /**
   * By session, the state last written and its start, so that only changes of the state or its reason are
   * written.
   */
  readonly #written = new Map<number, string>()
  #sync: Promise<void> | undefined
  #again = false
  #next: number
  #failing = false
  #problem: string | undefined
  /** Called once when sessions can no longer be written; they are still shown, but will be forgotten. */
  onTrouble: (text: string) => void = () => {}

  /**
   * Opens or creates the file and locks it for this process; without a path sessions are kept in memory.
   * Sessions that were running when an earlier process died are marked as ended.
   * @throws ConfigError when another process has the file, it cannot be used, or a newer ocs wrote it
   */
  constructor(path?: string) {
    this.#path = path ?? 'memory'
    this.#lock = path === undefined ? undefined : lockInstance(path)
    try {
      this.#db = open(path ?? ':memory:')
      this.#log = path === undefined ? undefined : openSync(`${path}-wal`, 'r')
      this.#next =
        (this.#db.query('SELECT MAX(id) + 1 AS next FROM sessions').get() as { next: number | null }).next ??
        0
      this.#endDead()
    } catch (cause) {
      this.#lock?.close()
      if (cause instanceof ConfigError) throw cause
      const advice = diskAdvice(cause, 'check the folder, or move the file away')
      throw new ConfigError(`${path}: ${messageOf(cause)}: ${advice}`, { cause })
    }
  }

  /**
   * The store at a path; if the disk cannot be written, a store in memory that reports so: running the agent
   * matters more than its history.
   * @throws ConfigError as the constructor does, for any other reason
   */
  static at(path: string): SessionStore {
    try {
      return new SessionStore(path)
    } catch (error) {
      if (diskFault(error) === undefined) throw error
      const store = new SessionStore()
      store.#problem = `what was done is not kept over restarts: ${messageOf(error)}, then start this again`
      return store
    }
  }

  /** Why sessions are not stored; undefined while they are. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** The id of a new session: one more than the last, from 0. */
  nextId(): number {
    return this.#next++
  }

  /**
   * Stores a session if its state, or the reason for it, has changed since the last time.
   * @param text its JSON
   */
  save(session: OpSession, text = JSON.stringify(session)): void {
    const { session_id: id, status, transitions } = session
    const state = JSON.stringify([stateOf(session), transitions?.at(-1)])
    if (this.#written.get(id) === state) return
    if (status === 'done') this.#written.delete(id)
    else this.#written.set(id, state)
    try {
      this.#write(session, text)
      if (this.#failing) this.#problem = undefined
      this.#failing = false
    } catch (error) {
      const problem = `the history of sessions cannot be written: ${messageOf(error)} (${this.#path}: ${diskAdvice(error, 'check who may write there')})`
      if (!this.#failing) this.onTrouble(problem)
      this.#problem = problem
      this.#failing = true
    }
  }

  #write(session: OpSession, text: string): void {
    const { session_id: id, op_name: op, status } = session
    this.#db
      .query(
        'INSERT INTO sessions VALUES (?1, ?2, ?3, ?4) ON CONFLICT(id) DO UPDATE SET status = ?3, doc = ?4',
      )
      .run(id, op, status, text)
    if (status === 'starting') {
      this.#db
        .query(
          `DELETE FROM sessions WHERE op = ?1 AND id <=
            (SELECT id FROM sessions WHERE op = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`,
        )
        .run(op, KEPT_SESSIONS)
    }
    this.#toDisk()
  }

  /** The latest session of an operation. */
  latest(op: string): OpSession | undefined {
    return this.list(op, 1)[0]
  }

  /** Sessions of one operation, or of all, newest first. */
  list(op: string | undefined, limit: number): OpSession[] {
    const rows = this.#db
      .query('SELECT doc FROM sessions WHERE ?1 IS NULL OR op = ?1 ORDER BY id DESC LIMIT ?2')
      .all(op ?? null, limit) as { doc: string }[]
    return rows.flatMap(({ doc }) => OpSession.safeParse(JSON.parse(doc)).data ?? [])
  }

  /** The agent's own document, stored with the sessions. */
  readonly memory: Memory = {
    problem: () => this.#problem,
    load: () => {
      const row = this.#db.query('SELECT doc FROM memory').get() as { doc: string } | null
      return row === null ? undefined : (JSON.parse(row.doc) as unknown)
    },
    save: (document) => {
      try {
        this.#db
          .query('INSERT INTO memory VALUES (0, ?1) ON CONFLICT(id) DO UPDATE SET doc = ?1')
          .run(JSON.stringify(document))
        this.#toDisk()
      } catch (error) {
        this.onTrouble(
          `what the agent must keep cannot be written: ${messageOf(error)} (${this.#path}: ${diskAdvice(error, 'check who may write there')})`,
        )
      }
    },
  }

  /** Syncs what was written and releases the file. */
  async close(): Promise<void> {
    while (this.#sync !== undefined) await this.#sync
    if (this.#log !== undefined) closeSync(this.#log)
    this.#db.close()
    this.#lock?.close()
  }

  #endDead(): void {
    const dead = this.#db.query("SELECT doc FROM sessions WHERE status <> 'done'").all() as { doc: string }[]
    for (const { doc } of dead) {
      const session = OpSession.safeParse(JSON.parse(doc)).data
      if (!session) continue
      // The time of its end is unknown; it has ended by now.
      const now = Date.now() / 1000
      const end_time = Math.max(now, session.start_time)
      Object.assign(session, { status: 'done', success: false, degraded: false, end_time })
      session.op_code = opCodeOf(session)
      session.messages.push([now, DIED])
      session.message_kinds?.push('said')
      addTransition(session, [end_time, 'failed', DIED])
      this.save(session)
    }
  }

  /** Syncs in a thread of the runtime's pool, so that a slow disk blocks nothing. */
  #toDisk(): void {
    const file = this.#log
    if (file === undefined) return
    if (this.#sync !== undefined) {
      this.#again = true
      return
    }
    this.#sync = new Promise<void>((resolve) => fdatasync(file, () => resolve())).then(() => {
      this.#sync = undefined
      if (!this.#again) return
      this.#again = false
      this.#toDisk()
    })
  }
}

function open(path: string): Database {
  if (path !== ':memory:') ownFile(path)
  const db = new Database(path, { create: true, strict: true })
  const { user_version } = db.query('PRAGMA user_version').get() as { user_version: number }
  try {
    mustKnowVersion(path, user_version, SESSIONS_VERSION)
  } catch (error) {
    db.close()
    throw error
  }
  db.run('PRAGMA journal_mode = WAL')
  db.run('PRAGMA synchronous = NORMAL')
  db.run(`CREATE TABLE IF NOT EXISTS sessions(id INTEGER PRIMARY KEY, op TEXT NOT NULL, status TEXT NOT NULL,
    doc TEXT NOT NULL) STRICT`)
  db.run('CREATE TABLE IF NOT EXISTS memory(id INTEGER PRIMARY KEY, doc TEXT NOT NULL) STRICT')
  db.run('CREATE INDEX IF NOT EXISTS by_op ON sessions(op, id)')
  if (user_version < SESSIONS_VERSION) db.run(`PRAGMA user_version = ${SESSIONS_VERSION}`)
  return db
}
