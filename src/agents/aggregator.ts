import { resolve } from 'node:path'
import { z } from 'zod'
import { defineAgent } from '../core/agent.ts'
import { counted } from '../core/counted.ts'
import { OpError } from '../core/errors.ts'
import type { Follower } from '../core/feed-sink.ts'
import { aborted } from '../core/pause.ts'
import { RecordedInstances } from '../core/recording/recorded-instances.ts'
import { RECORD, RecordData } from '../core/recording/recording.ts'
import { overdueAfter } from '../core/rhythm.ts'
import { freeSpaceNow } from '../machine/free-space.ts'
import { MAX_TIME_PER_FILE } from '../storage/recorder/begin-recording.ts'
import { checkDataDir } from '../storage/recorder/data-dir.ts'
import { disk } from '../storage/recorder/disk.ts'
import { goneFiles } from '../storage/recorder/file-list.ts'
import { addNote, readNotes } from '../storage/recorder/notes.ts'
import { Recorder } from '../storage/recorder/recorder.ts'
import type { Remembered } from '../storage/recorder/remembered.ts'

/** Milliseconds between two updates of the session's data. */
const SHOW_MS = 1000
/** Notes of one answer, at most. */
const NOTES = 1000
/** Files that are named where more are gone. */
const NAMED = 5
/** Seconds after its last row that a feed counts as stale, OCS's `fresh_time`; one of a slow rhythm has longer. */
const FRESH = 180

/** State that the process keeps from one recorder to the next, and those who wait for the next one. */
class Recording {
  readonly remembered: Remembered = {}
  /** Restarts recording and fetches the contents of missing files; undefined while nothing is recorded. */
  refill: (() => void) | undefined
}

export default defineAgent({
  class: 'AggregatorAgent',
  aliases: ['AgreggatorAgent'],
  help: 'Records every sample of all feeds in .g3 files.',
  example: { data_dir: '/data/hk' },
  claims: ({ data_dir }) => [
    {
      argument: 'data_dir',
      key: `recordings ${resolve(data_dir)}`,
      text: `the data directory ${data_dir}`,
      local: true,
    },
  ],
  args: z.object({
    data_dir: z.string().min(1).describe('the folder that holds the files'),
    time_per_file: z
      .number()
      .positive()
      .max(
        MAX_TIME_PER_FILE,
        `at most ${MAX_TIME_PER_FILE} s: so3g does not find data further from a file's name`,
      )
      .default(MAX_TIME_PER_FILE)
      .describe('seconds of data in a file at most'),
    frame_length: z
      .number()
      .positive()
      .optional()
      .describe('seconds of data in a frame at most, in place of what each feed declares'),
    record_unknown: z
      .boolean()
      .default(false)
      .describe('also record instances that are not in the site file'),
    initial_state: z.enum(['idle', 'record']).default('record').describe('whether it records when it starts'),
  }),
  feeds: {},
  check: ({ data_dir }, log) => log(`data directory: ${checkDataDir(data_dir)}`),
  connect: async () => new Recording(),
  idle: (instance) => `waiting for: ocs ctrl start ${instance} record`,
})
  .process(
    RECORD,
    {
      help: 'Record all feeds.',
      data: RecordData,
      startup: ({ initial_state }) => initial_state === 'record',
    },
    async ({ args, lab, session, signal, instrument }) => {
      await using agents = await lab.agents({ sessions: false })
      const instances = new RecordedInstances(lab, agents, args.record_unknown)
      for (let refill = false; !signal.aborted; refill = true) {
        await using recorder = await Recorder.open({
          wants: (instance) => instances.wants(instance),
          dir: args.data_dir,
          root: lab.root,
          timePerFile: args.time_per_file,
          frameLength: args.frame_length,
          remembered: instrument.remembered,
          refill,
          log: (text) => session.log(text),
          event: lab.event,
        })
        session.degraded = false
        instances.begin(recorder)
        // Disposed after the recorder, so that its last rows are still acknowledged.
        const follower = await lab.follow(recorder)
        recorder.attach(follower)
        using _counted = lab.counters(() => countersOf(recorder, follower))
        const show = () => {
          session.set(dataOf(recorder, follower, instances))
          const problem = problemOf(recorder, follower) ?? lab.memory.problem()
          if (problem === undefined) session.degraded = false
          else session.degrade(problem)
        }
        const asked = Promise.withResolvers<void>()
        instrument.refill = asked.resolve
        show()
        const timer = setInterval(show, SHOW_MS)
        const displaced = await Promise.race([aborted(signal), asked.promise, recorder.displaced])
        instrument.refill = undefined
        clearInterval(timer)
        await follower[Symbol.asyncDispose]()
        await recorder[Symbol.asyncDispose]()
        session.set({ ...dataOf(recorder, follower, instances), recording: false })
        if (displaced) throw displaced
      }
    },
  )
  .task(
    'refill',
    { help: 'Fetch the data of lost files again, as far as agents still hold it.' },
    async ({ args, instrument }) => {
      const { files, rows } = await goneFiles(disk, args.data_dir)
      if (files.length === 0) return 'No closed file is missing.'
      const named = `${files.slice(0, NAMED).join(', ')}${files.length > NAMED ? ', …' : ''}`
      const gone = counted(files.length, 'file is', 'files are')
      const lost = counted(rows, 'row that is', 'rows that are')
      const told = `${gone} missing (${named}), with ${lost} in no other file`
      if (!instrument.refill) throw new OpError('Nothing is being recorded: start "record" first.')
      instrument.refill()
      return `${told}: requesting what agents still hold.`
    },
  )
  .task(
    'note',
    {
      help: 'Keep a note with the data and publish it: ocs ctrl note.',
      params: z.object({
        text: z.string().trim().min(1).max(1000).describe('text of the note'),
        by: z.string().max(200).default('').describe('who says it'),
      }),
    },
    async ({ args, params: { text, by }, lab }) => {
      await addNote(args.data_dir, { time: Date.now() / 1000, text, by })
      lab.event('info', 'note', by === '' ? text : `${text} (${by})`)
      return text
    },
  )
  .query(
    'get_notes',
    {
      help: 'The notes between two times.',
      params: z.object({
        start: z.number().default(0).describe('unix s'),
        end: z.number().default(1e11).describe('unix s'),
      }),
    },
    async ({ args, params: { start, end } }) => ({
      notes: await readNotes(args.data_dir, start, end, NOTES),
    }),
  )

function countersOf({ counters }: Recorder, { state }: Follower): RecordData['counters'] {
  const { duplicates, holes, unnumbered } = state
  return { ...counters, duplicates: counters.duplicates + duplicates, holes, unnumbered }
}

/** Why rows are not recorded, or not acknowledged to agents. */
function problemOf(recorder: Recorder, { state }: Follower): string | undefined {
  const mute =
    'nothing is acknowledged, so agents keep their rows: recorder.key in the state folder cannot be used'
  return recorder.problem ?? (state.isMute ? mute : undefined)
}

function dataOf(recorder: Recorder, follower: Follower, instances: RecordedInstances): RecordData {
  const now = Date.now() / 1000
  const providers = Object.entries(recorder.providers).map(([address, { rhythm = 0, ...provider }]) => {
    const stale = now - provider.last_refresh > overdueAfter(rhythm, FRESH)
    return [address, { ...provider, stale }] as const
  })
  return {
    data_dir: recorder.dir,
    recording: problemOf(recorder, follower) === undefined,
    current_file: recorder.currentFile ?? null,
    providers: Object.fromEntries(providers),
    counters: countersOf(recorder, follower),
    behind: follower.state.behind,
    unknown: instances.waiting,
    problem: problemOf(recorder, follower) ?? instances.problem ?? null,
    disk_free: freeIn(recorder.dir),
  }
}

function freeIn(folder: string): number | null {
  try {
    return freeSpaceNow(folder).bytes
  } catch {
    return null
  }
}
