import { createServer } from 'node:net'
import { type Ended, Lab, type Running, type StartOptions, until } from '../test/real/roles.ts'
import { marked } from './process-cost.ts'
import { release } from './release.ts'

const MARK = 'OCS_BENCH_RUN'
/** Marks every process of this run, including grandchildren. */
const run = crypto.randomUUID()

/** The processes of one bench, each in its own process group; all of them end with it. */
export class BenchLab extends Lab {
  constructor(more: Readonly<Record<string, string>> = {}) {
    super({ [MARK]: run, NO_PROXY: '127.0.0.1,localhost', ...more })
  }

  override program(name: string, command: readonly string[], options: StartOptions = {}): Running {
    return super.program(name, command, { group: true, ...options })
  }

  /** Starts `ocs` from a release, as a user does. */
  launch(name: string, args: readonly string[], options: StartOptions = {}): Running {
    return this.program(name, [release(), ...args], options)
  }
}

/** Asks a program to stop, and waits for a minute, since a busy machine takes its time. */
export function stopped(running: Running, signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
  running.signal(signal)
  return running.ended(60)
}

/** Kills the processes of this run that still run. Returns their number. */
export function endAll(): number {
  const left = marked(MARK, run).filter((pid) => pid !== process.pid)
  for (const pid of left) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  return left.length
}

/** The same, and waits until they are gone. */
export function allEnded(): Promise<boolean> {
  return until('every process has ended', 10, () => endAll() === 0)
}

/** A port of 127.0.0.1 that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
