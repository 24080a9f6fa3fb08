import { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { messageOf } from '../core/errors.ts'
import type { LabView } from '../lab/lab-view.ts'
import { caller } from '../lab/request-client.ts'
import type { Happening, History } from './history.ts'

const Answer = z.object({
  notes: z.array(z.object({ time: z.number(), text: z.string(), by: z.string() })),
})
const QUERY = 'get_notes'
/** Maximum seconds between a note's time and that of its event. */
const SAME = 5

/**
 * A history that also has the notes from before the bridge started, as kept by the recorders: each recorder
 * is asked once it is there, and again after it was away.
 */
export async function withNotes(
  history: History,
  { bus, root, lab, log }: { bus: Bus; root: string; lab: LabView; log(text: string): void },
): Promise<History> {
  const kept = new Map<string, readonly Happening[]>()
  const asked = new Map<string, string>()
  const asking = await caller(bus, root)
  const ask = async (instance: string) => {
    try {
      const { notes } = Answer.parse(await asking.query(instance, QUERY, {}))
      const happenings = notes.map(({ time, text, by }, nth): Happening => {
        return {
          instance,
          time,
          level: 'info',
          kind: 'note',
          text: by === '' ? text : `${text} (${by})`,
          nth: -1 - nth,
        }
      })
      kept.set(instance, happenings)
    } catch (error) {
      asked.delete(instance)
      log(`notes of ${instance}: ${messageOf(error)}`)
    }
  }
  const look = (instance: string) => {
    const { api, presence, state } = lab.instances.get(instance) ?? {}
    if (state !== 'online' || !presence || !api?.queries[QUERY] || asked.get(instance) === presence.session)
      return
    asked.set(instance, presence.session)
    void ask(instance)
  }
  const watch = lab.onChange(look)
  for (const instance of lab.instances.keys()) look(instance)
  return {
    runs: () => history.runs(),
    alarms: () => history.alarms(),
    events() {
      const events = history.events()
      const said = events.filter(({ kind }) => kind === 'note')
      const isSaid = ({ text, time, instance }: Happening) =>
        said.some((one) => one.instance === instance && one.text === text && Math.abs(one.time - time) < SAME)
      return [...[...kept.values()].flat().filter((note) => !isSaid(note)), ...events]
    },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]()
      await asking[Symbol.asyncDispose]()
      await history[Symbol.asyncDispose]()
    },
  }
}
