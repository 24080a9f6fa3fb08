import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Lab, OCS, type Running, type StartOptions } from './roles.ts'

/** A system call of a traced process. */
export interface Call {
  readonly name: string
  /** The path of its file descriptor. */
  readonly path: string
  /** The bytes written, one character per byte. */
  readonly bytes: string
  /** Its index among all calls: a call that ended before another began is over before it. */
  readonly begun: number
  readonly ended: number
}

const CALLS = 'pwrite64,write,writev,sendto,sendmsg,fsync,fdatasync'
const TRACE = [
  '-f',
  '-D',
  '--seccomp-bpf',
  '-y',
  '-xx',
  '-s',
  '1000000',
  '-e',
  'signal=none',
  '-e',
  `trace=${CALLS}`,
]

/** An `ocs` process whose writes and syncs are being traced. */
export class Traced {
  readonly role: Running
  readonly #file: string

  constructor(lab: Lab, name: string, args: readonly string[], options: StartOptions = {}) {
    this.#file = join(lab.dir, `${name}.strace`)
    this.role = lab.program(name, ['strace', ...TRACE, '-o', this.#file, ...OCS, ...args], options)
  }

  /** All its calls, in order; to be called once the process has ended. */
  calls(): Call[] {
    return parse(readFileSync(this.#file, 'latin1'))
  }
  /** Whether the trace is complete. */
  get over(): boolean {
    // Short process numbers are followed by more blanks.
    return new RegExp(`^${this.role.pid} +\\+\\+\\+ exited`, 'm').test(readFileSync(this.#file, 'latin1'))
  }
}

/** Parses the output of `strace -f`: a call of one thread may be interrupted by those of others. */
export function parse(text: string): Call[] {
  const begun = new Map<string, { readonly text: string; readonly at: number }>()
  const calls: Call[] = []
  for (const [at, line] of text.split('\n').entries()) {
    const [, pid = '', said = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (said.endsWith('<unfinished ...>')) begun.set(pid, { text: said, at })
    else if (said.startsWith('<... ')) {
      const start = begun.get(pid)
      if (start) calls.push(...callOf(start.text, start.at, at))
      begun.delete(pid)
    } else calls.push(...callOf(said, at, at))
  }
  return calls
}

function callOf(text: string, begun: number, ended: number): Call[] {
  const [, name = '', path = ''] = /^(\w+)\(\d+<((?:\\x[0-9a-f]{2})*)>/.exec(text) ?? []
  if (name === '') return []
  const strings = [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) => plain(hex))
  return [{ name, path: plain(path), bytes: strings.join(''), begun, ended }]
}

function plain(hex: string): string {
  return Buffer.from(hex.replaceAll('\\x', ''), 'hex').toString('latin1')
}
