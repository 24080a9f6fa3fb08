/** The cost of processes on Linux: processor time and memory of whole process trees. */
import { dlopen, ptr } from 'bun:ffi'
import { readdirSync, readFileSync } from 'node:fs'

/** Memory of a process tree, MB. */
export interface Memory {
  /** Mapped memory; shared pages count in each process. */
  readonly rss: number
  /** The same, with shared pages divided among the processes that share them. */
  readonly pss: number
  /** Memory that would be freed if it ended. */
  readonly private: number
}

/** Ticks of `/proc/*\/stat` per second: 100 on every Linux that Bun runs on. */
const HERTZ = 100

/** The process and all its descendants, itself first. A process that ends in the meantime is left out. */
export function tree(root: number, parents: ReadonlyMap<number, number> = parentsNow()): number[] {
  const found = [root]
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child)
  return found
}

/**
 * Processor time of process trees, including ended children that were waited for, s.
 * @param exactly only these processes, without their descendants
 */
export function cpuSeconds(roots: readonly number[], exactly = false): number {
  return processes(roots, exactly).reduce((sum, pid) => sum + ownSeconds(pid), 0)
}

/** Memory of process trees, or of only these processes if `exactly`. */
export function memory(roots: readonly number[], exactly = false): Memory {
  const parts = processes(roots, exactly).map((pid) => parseRollup(read(`/proc/${pid}/smaps_rollup`)))
  const total = (key: keyof Memory) => parts.reduce((sum, part) => sum + part[key], 0)
  return { rss: total('rss'), pss: total('pss'), private: total('private') }
}

/** The maximum memory of a process since it became its program (RSS), MB; 0 if it is gone. */
export function mostMemory(pid: number): number {
  return megabytesOf(read(`/proc/${pid}/status`), 'VmHWM')
}

/** A process's program and arguments, separated by blanks. */
export function commandLine(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
}

/** Every process of this machine whose environment has this variable with this value. */
export function marked(name: string, value: string): number[] {
  const wanted = `${name}=${value}`
  return pids().filter((pid) => read(`/proc/${pid}/environ`).split('\0').includes(wanted))
}

/**
 * Processor time of one process: its own to the nanosecond, including ended threads, and that of its ended
 * children, s.
 */
function ownSeconds(pid: number): number {
  return clockSeconds(pid) + parseStat(read(`/proc/${pid}/stat`)).children
}

const { clock_gettime } = dlopen('libc.so.6', {
  clock_gettime: { args: ['i32', 'ptr'], returns: 'i32' },
}).symbols

/** The CPU clock of a process, s; 0 if it is gone. `stat` has the same in hundredths of a second. */
function clockSeconds(pid: number): number {
  // The clock of 0 would be that of this process.
  if (pid <= 0) return 0
  // As clock_getcpuclockid(3) makes it from a pid, with CPUCLOCK_SCHED.
  const clock = (~pid << 3) | 2
  const time = new BigInt64Array(2)
  return clock_gettime(clock, ptr(time)) === 0 ? Number(time[0]) + Number(time[1]) / 1e9 : 0
}

/** From a line of `stat`: the parent, and the processor time of its ended children, s. */
export function parseStat(text: string): { parent: number; children: number } {
  // The name may itself contain blanks and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const number = (at: number) => Number(fields[at] ?? 0)
  return {
    parent: number(1),
    children: (number(13) + number(14)) / HERTZ,
  }
}

/** From `smaps_rollup`, MB (10⁶ bytes). */
export function parseRollup(text: string): Memory {
  return {
    rss: megabytesOf(text, 'Rss'),
    pss: megabytesOf(text, 'Pss'),
    private: megabytesOf(text, 'Private_Clean') + megabytesOf(text, 'Private_Dirty'),
  }
}

/** A line of /proc as `VmHWM:   1000 kB`, MB. */
function megabytesOf(text: string, name: string): number {
  return (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024) / 1e6
}

function processes(roots: readonly number[], exactly: boolean): number[] {
  if (exactly) return [...new Set(roots)]
  const parents = parentsNow()
  return [...new Set(roots.flatMap((root) => tree(root, parents)))]
}

function parentsNow(): Map<number, number> {
  return new Map(pids().map((pid) => [pid, parseStat(read(`/proc/${pid}/stat`)).parent]))
}

function pids(): number[] {
  return entries('/proc').map(Number).filter(Number.isInteger)
}

/** A process may end between two reads; it then counts as empty. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
