import { writeFileSync } from 'node:fs'
import { utc } from './unix-seconds.ts'

/** A time in which processes had another clock: from and to by the true one, `ahead` s of it; below 0 behind. */
export interface ClockStep {
  readonly from: number
  readonly to: number
  readonly ahead: number
}

/** Where Debian, Fedora and Arch have libfaketime for programs with threads. */
const LIBRARIES = ['usr/lib/*-linux-gnu/faketime/', 'usr/lib64/faketime/', 'usr/lib/faketime/']

/** The library that can set a process's clock; undefined where it is not installed (Debian: `faketime`). */
export function findFaketime(): string | undefined {
  const found = LIBRARIES.flatMap((folder) => [
    ...new Bun.Glob(`${folder}libfaketimeMT.so.1`).scanSync({ cwd: '/', absolute: true }),
  ])
  return found[0]
}

/** The clock of all processes that are started with its environment: can be set while they run, theirs to tell time by. */
export class ShiftedClock {
  readonly env: Readonly<Record<string, string>>
  /** When it was set, in order. */
  readonly steps: ClockStep[] = []
  readonly #file: string
  #set: { readonly from: number; readonly ahead: number } | undefined

  /** @param file by which the processes are told; they look once a second */
  constructor(library: string, file: string) {
    this.#file = file
    this.env = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      // As with a real clock, time-outs and files do not follow.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    }
    this.shift(0)
  }

  /** Sets the clock so many seconds ahead of the true one, or behind. */
  shift(seconds: number): void {
    const from = utc()
    writeFileSync(this.#file, `${seconds < 0 ? '' : '+'}${seconds}\n`)
    if (this.#set) this.steps.push({ ...this.#set, to: utc() })
    this.#set = seconds === 0 ? undefined : { from, ahead: seconds }
  }
}
