import { duration } from '../../core/duration.ts'
import { type OpSession, saidBy, toldOf } from '../../core/ops.ts'
import { oneLine, printable } from '../../core/printable.ts'
import { codeName, lastMessage } from '../../lab/session-text.ts'
import { type Context, draw, ERASE } from '../../terminal/context.ts'
import type { Log } from '../../terminal/log.ts'
import { briefly } from '../../terminal/value-text.ts'

/** Milliseconds between log lines for data alone, when the output is no terminal. */
const DATA_LINE_MS = 10_000
/** Milliseconds between two redrawings of the time that has passed. */
const REDRAW_MS = 500

/** Shows how an operation gets on while it is waited for. */
export interface Progress extends Disposable {
  show(session: OpSession): void
  /** Takes the line off the terminal, for a question; until `go`. */
  hold(): void
  go(): void
}

/** The operation that is waited for. */
export interface Waited {
  /** The last readings of a process are not its result. */
  readonly kind?: 'task' | 'process'
  /** The session when waiting began: its messages up to then are printed already. */
  readonly before?: OpSession | undefined
}

/** One line that is redrawn on a terminal; elsewhere a log line for each message, and for data now and then and at the end. */
export function progress(
  title: string,
  context: Context,
  log: Log,
  { kind = 'task', before }: Waited = {},
): Progress {
  return context.terminal ? redrawn(title, context) : logged(title, log, { kind, before })
}

function redrawn(title: string, context: Context): Progress {
  let session: OpSession | undefined
  let held = false
  const redraw = () => {
    if (!session || held) return
    const parts = [
      title,
      codeName(session.op_code),
      duration(Date.now() / 1000 - session.start_time),
      lastMessage(session),
      briefly(session.data),
    ]
    const text = parts.filter((part) => part !== '').join('  ')
    draw(context, `${ERASE}${printable(text).slice(0, context.size().columns - 1)}`)
  }
  const clear = () => draw(context, ERASE)
  const timer = setInterval(redraw, REDRAW_MS)
  return {
    show(now) {
      session = now
      redraw()
    },
    hold() {
      held = true
      clear()
    },
    go() {
      held = false
      redraw()
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      if (!held) clear()
    },
  }
}

function logged(title: string, log: Log, { kind, before }: Waited): Progress {
  let said = new Set(before ? saidBy(before).map(([time, text]) => `${time} ${text}`) : [])
  let data = ''
  let dataAt = performance.now()
  return {
    show(session) {
      const { data: now } = session
      const isOver = session.status === 'done'
      const all = saidBy(session).map(([time, text]) => ({ key: `${time} ${text}`, text }))
      // The last message is printed together with the outcome.
      const told = isOver ? toldOf(session) : undefined
      for (const { key, text } of all) if (!said.has(key) && text !== told) log(`${title}: ${oneLine(text)}`)
      said = new Set(all.map(({ key }) => key))
      const text = briefly(now)
      const isDue = isOver ? kind === 'task' : performance.now() - dataAt >= DATA_LINE_MS
      if (text === '' || text === data || !isDue) return
      data = text
      dataAt = performance.now()
      log(`${title}: ${text}`)
    },
    hold() {},
    go() {},
    [Symbol.dispose]() {},
  }
}
