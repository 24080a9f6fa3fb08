import { pause } from '../core/pause.ts'
import type { ReplyFault } from '../simulators/faults.ts'
import type { Instrument } from './instruments.ts'
import type { ChaosLab } from './lab.ts'
import type { TakenFiles } from './taken-files.ts'

/** The disk of recordings, and that of the agents' state. */
export type Disk = 'data' | 'state'
/** What can go wrong in the lab, by the name that `--faults` takes. */
export interface FaultKind {
  readonly help: string
  /** How often it is chosen, in proportion to the others. */
  readonly weight: number
  /** Seconds it lasts, at least and at most. */
  readonly lasts: readonly [low: number, high: number]
  /**
   * A process, an instrument (named by its agent), a disk of recordings or spools, the recordings themselves, or the clock
   * of all processes.
   */
  readonly hits: 'process' | 'instrument' | Disk | 'files' | 'clock'
  /**
   * Lets it happen, for `seconds` or until the signal; resolves when it is over: what died is started, what was broken is
   * whole. With false when there was nothing to hit.
   */
  strike(lab: ChaosLab, target: string, seconds: number, signal: AbortSignal): Promise<unknown>
}

/** Milliseconds after which a fault of a reply is lifted though no reply has met it: its agent is away. */
const UNMET_MS = 1000
/** Milliseconds after which agents have written what a full disk refused. */
const WRITTEN_MS = 2000
/** Seconds that a clock is set ahead. */
const STEPS = [5, -5, 3600, -3600, 86_400, -86_400]

/** Ends a process and starts it again, sometimes at once. */
const ending = (signal: 'SIGKILL' | 'SIGTERM'): FaultKind['strike'] => {
  return async (lab, target, seconds, stop) => {
    const station = lab.stations.get(target)
    await station?.end(signal)
    await pause(seconds * 1000, stop)
    station?.start()
  }
}

/** Something that an instrument does until it is cleared. */
const until = (
  begin: (instrument: Instrument) => unknown,
  end: (instrument: Instrument) => unknown,
): FaultKind['strike'] => {
  return async (lab, target, seconds, stop) => {
    const instrument = lab.instruments.find(({ agent }) => agent === target)
    if (!instrument) return
    await begin(instrument)
    await pause(seconds * 1000, stop)
    await end(instrument)
  }
}

/** Something wrong with the next reply of an instrument. */
const reply = (
  help: string,
  faultOf: (ms: number) => ReplyFault,
  lasts: FaultKind['lasts'] = [0, 0],
): FaultKind => ({
  help,
  weight: 1,
  lasts,
  hits: 'instrument',
  strike: async (lab, target, seconds, stop) => {
    const fault = faultOf(seconds * 1000)
    const hit = until(
      ({ simulator }) => simulator.faults.inject(fault),
      ({ simulator }) => simulator.faults.clear(fault.kind),
    )
    await hit(lab, target, UNMET_MS / 1000, stop)
    // It may have been met at the last moment, and then takes its time.
    await pause(seconds * 1000, stop)
  },
})

const full = (help: string, disk: Disk, lasts: FaultKind['lasts']): FaultKind => ({
  help,
  weight: 1,
  lasts,
  hits: disk,
  strike: (lab, _, seconds, stop) => whileFull(lab, disk, seconds, stop),
})

async function whileFull(lab: ChaosLab, disk: Disk, seconds: number, stop: AbortSignal): Promise<void> {
  await lab.disks?.[disk].fill()
  await pause(seconds * 1000, stop)
  await lab.disks?.[disk].free()
}

/** Somebody takes recordings away, for good. */
const taking = (help: string, take: (taken: TakenFiles) => boolean): FaultKind => ({
  help,
  weight: 1,
  lasts: [0, 0],
  hits: 'files',
  strike: async (lab) => take(lab.taken),
})

/** All faults there are. */
export const faults: Readonly<Record<string, FaultKind>> = {
  kill: {
    help: 'kill -9 of a process, started again at once or up to 2 s later',
    weight: 8,
    lasts: [-4, 2],
    hits: 'process',
    strike: ending('SIGKILL'),
  },
  term: {
    help: 'TERM to a process, started again',
    weight: 2,
    lasts: [0, 0],
    hits: 'process',
    strike: ending('SIGTERM'),
  },
  stop: {
    help: 'a process is stopped (SIGSTOP) for up to 8 s',
    weight: 2,
    lasts: [0.2, 8],
    hits: 'process',
    strike: async (lab, target, seconds, stop) => {
      const station = lab.stations.get(target)
      station?.signal('SIGSTOP')
      await pause(seconds * 1000, stop)
      station?.signal('SIGCONT')
    },
  },
  unplug: {
    help: 'an instrument’s cable is out: its serial port is gone, its TCP port refuses',
    weight: 2,
    lasts: [0.2, 5],
    hits: 'instrument',
    strike: until(
      ({ simulator }) => simulator.unplug(),
      ({ simulator }) => simulator.plugIn(),
    ),
  },
  hang: {
    help: 'an instrument accepts every command and answers none',
    weight: 1,
    lasts: [0.5, 8],
    hits: 'instrument',
    strike: until(
      ({ simulator }) => simulator.faults.inject({ kind: 'hang' }),
      ({ simulator }) => simulator.faults.clear('hang'),
    ),
  },
  late: reply('a reply comes after its reader’s time-out', (ms) => ({ kind: 'delay', ms }), [2.1, 4]),
  'no-reply': reply('a reply does not come', () => ({ kind: 'missing' })),
  garbage: reply('noise in place of a reply', () => ({ kind: 'garbage' })),
  'half-line': reply('half of a reply, without its end', () => ({ kind: 'half-line' })),
  twice: reply('a reply comes twice', () => ({ kind: 'duplicate' })),
  'disk-full': full('no room for recordings', 'data', [0.5, 6]),
  'spool-full': {
    ...full('no room where agents keep their samples', 'state', [0.5, 12]),
    strike: async (lab, _, seconds, stop) => {
      await whileFull(lab, 'state', seconds, stop)
      // Agents try again now and then; one that ends before it has would take with it what it holds in memory.
      await pause(WRITTEN_MS, stop)
    },
  },
  'file-removed': taking('the file being written is removed', (taken) => taken.file('remove')),
  'file-moved': taking('the file being written is moved away', (taken) => taken.file('move')),
  'folder-moved': taking('the folder of that file is moved away', (taken) => taken.folder()),
  'data-moved': taking('the data directory is moved away', (taken) => taken.directory()),
  'data-away': {
    help: 'the data directory is moved away and back; the one begun in its place is moved away',
    weight: 1,
    lasts: [0.2, 6],
    hits: 'files',
    strike: async (lab, _, seconds, stop) => {
      const bringBack = lab.taken.borrow()
      if (bringBack) await pause(seconds * 1000, stop)
      bringBack?.()
      return bringBack !== undefined
    },
  },
  clock: {
    help: 'the clock of all processes is 5 s, an hour or a day ahead or behind',
    weight: 1,
    lasts: [2, 6],
    hits: 'clock',
    strike: async (lab, _, seconds, stop) => {
      lab.clock?.shift(STEPS[Math.floor(seconds * 1000) % STEPS.length] ?? 0)
      await pause(seconds * 1000, stop)
      lab.clock?.shift(0)
    },
  },
}
