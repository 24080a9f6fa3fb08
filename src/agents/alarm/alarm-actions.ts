import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createTransport } from 'nodemailer'
import type { Action, Mail } from '../../core/alarm-rules.ts'
import { messageOf } from '../../core/errors.ts'
import { isLoopback } from '../../core/host-port.ts'
import { pause } from '../../core/pause.ts'
import { unitsBehind } from '../../core/shown-value.ts'

/** How many characters of a failed command's output are reported. */
const TOLD = 300
/** Milliseconds that a command has between TERM and KILL. */
const KILL_MS = 1000

/** A notice of an alarm: JSON for commands and webhooks. Times in unix s. */
export interface Notice {
  /** The same for every attempt of one call, so that a receiver can recognise repeats. */
  readonly id: string
  readonly what: 'raised' | 'cleared' | 'test'
  /** Address root and instance-id of the alarm agent, `observatory.alarms`. */
  readonly from: string
  readonly name: string
  readonly rule: string
  readonly target: string
  readonly severity: string
  readonly text: string
  readonly value: number | null
  readonly units: string
  readonly since: number | null
  readonly ended: number | null
  readonly count: number
  readonly time: number
}

/**
 * Runs an action once.
 * @param signal aborted when it takes too long, or the agent stops
 * @throws Error with the reason when it fails
 */
export function perform(
  action: Action,
  notice: Notice,
  mail: Mail | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (action.command) return runCommand(action.command, notice, signal)
  if (action.webhook) return post(action.webhook, notice, signal)
  if (action.email && mail) return send(action.email, notice, mail, signal)
  return Promise.reject(new Error('it has no action'))
}

async function runCommand(
  [file = '', ...args]: readonly string[],
  notice: Notice,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let said = ''
  // In a process group of its own, so that its children end with it.
  const child = spawn(file, args, {
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, ...environment(notice) },
  })
  const kill = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name)
    } catch {
      // It has ended meanwhile.
    }
  }
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-TOLD)
  })
  // A command may ignore its input.
  child.stdin.on('error', () => {})
  child.stdin.end(`${JSON.stringify(notice)}\n`)
  child.on('error', reject)
  child.on('exit', (code, by) => {
    child.stderr.destroy()
    if (code === 0) resolve()
    else reject(new Error(`ended with ${by ?? `exit code ${code}`}${said && `: ${said.trim()}`}`))
  })
  const over = new AbortController()
  const stop = async () => {
    kill('SIGTERM')
    await pause(KILL_MS, over.signal)
    kill('SIGKILL')
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    await promise
  } finally {
    over.abort()
    signal.removeEventListener('abort', stop)
  }
}

function environment(notice: Notice): Record<string, string> {
  return Object.fromEntries(
    Object.entries(notice).map(([key, value]) => [
      `OCS_ALARM_${key.toUpperCase()}`,
      value === null ? '' : String(value).replaceAll('\0', ''),
    ]),
  )
}

async function post(url: string, notice: Notice, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': notice.id },
    body: JSON.stringify(notice),
    signal,
  })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`answered ${response.status} ${response.statusText}`.trim())
}

async function send(to: readonly string[], notice: Notice, mail: Mail, signal: AbortSignal): Promise<void> {
  const { protocol, hostname, port } = new URL(mail.server)
  const secure = protocol === 'smtps:'
  const transport = createTransport({
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(port !== '' && { port: Number(port) }),
    secure,
    // A password never travels in the clear.
    requireTLS: !secure && mail.user !== undefined && !isLoopback(hostname),
    ...(mail.user !== undefined && { auth: { user: mail.user, pass: password(mail) } }),
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const late = Promise.withResolvers<never>()
  const stop = () => {
    transport.close()
    late.reject(signal.reason)
  }
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    const sending = transport.sendMail({
      from: mail.from,
      to: [...to],
      subject: subject(notice),
      text: letter(notice),
      messageId: `<${notice.id.replaceAll(/[^\w.-]/g, '_')}@${notice.from}>`,
    })
    await Promise.race([sending, late.promise])
  } finally {
    signal.removeEventListener('abort', stop)
    transport.close()
  }
}

function password({ password_env, password_file }: Mail): string {
  try {
    if (password_file !== undefined) return readFileSync(password_file, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw new Error(`the password cannot be read: ${messageOf(cause)}`, { cause })
  }
  const found = process.env[password_env ?? '']
  if (found === undefined) throw new Error(`no password: ${password_env} is not in the environment`)
  return found
}

const KINDS = { raised: '', cleared: 'over: ', test: 'test: ' }

function subject({ what, severity, name, text }: Notice): string {
  return `${KINDS[what]}${severity} ${name}: ${text}`.replaceAll(/\s+/g, ' ').slice(0, 200)
}

function letter(notice: Notice): string {
  const at = (seconds: number | null) => (seconds === null ? '' : new Date(seconds * 1000).toISOString())
  const { name, text, target, severity, since, ended, count, from, value, units } = notice
  const rows = [
    ['alarm', name],
    ['severity', severity],
    ['watched', target],
    ['value', value === null ? '' : `${value} ${unitsBehind(units)}`],
    ['raised', at(since)],
    ['ended', at(ended)],
    ['times', String(count)],
    ['from', from],
  ]
  const table = rows.filter(([, cell]) => cell).map(([key = '', cell]) => `${key.padEnd(10)}${cell}`)
  const after =
    notice.what === 'raised'
      ? `\nTo acknowledge: ocs ctrl alarms ack ${name}\nTo stop calls for an hour: ocs ctrl alarms silence ${name} --for=1h\n`
      : ''
  return `${text}\n\n${table.join('\n')}\n${after}`
}
