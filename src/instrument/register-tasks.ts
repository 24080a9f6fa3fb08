/** Tasks for an instrument's registers: settings change one, gettings show one. */
import { z } from 'zod'
import type { Agent, OpContext } from '../core/agent.ts'
import type { Instrument, Params } from './instrument-spec.ts'
import { change, recall } from './registers.ts'
import type { Getting, Setting } from './table.ts'

/** What a task for a register needs from its operation. */
type RegisterOp = Pick<
  OpContext<Params, object, unknown, Instrument<unknown>, string>,
  'params' | 'instrument' | 'session' | 'args' | 'lab' | 'feeds'
>
/** Changes something that the readings depend on, and surveys it again. */
export type Resurvey = <T>(
  op: Pick<RegisterOp, 'instrument' | 'args' | 'lab' | 'feeds'>,
  change: () => Promise<T>,
) => Promise<T>

/** Adds the task of a setting. */
export function addSetting<A extends z.ZodObject, S>(
  agent: Agent<A, string, Instrument<S>>,
  setting: Setting,
  resurvey: Resurvey,
): void {
  const { name, help, register, key = {}, params, values = (given: object) => given } = setting
  const run = async (op: RegisterOp) => {
    const { params: given, instrument, session } = op
    const [of, rest] = apart(given, key)
    const wanted = (values as (params: object) => object)(rest)
    const work = () => change(instrument.link, register, of, wanted as never)
    const kept = setting.resurvey ? await resurvey(op, work) : await work()
    session.set(kept)
    const said = Object.keys(wanted).map((value) => `${value} ${kept[value]}`)
    return `${register.name}${of && ` ${of}`}: ${said.join(', ')}.`
  }
  agent.task(name, { help, params: z.object({ ...key, ...params }) as never }, run as never)
}

/** Adds the task of a getting. */
export function addGetting<A extends z.ZodObject, S>(
  agent: Agent<A, string, Instrument<S>>,
  getting: Getting,
): void {
  const { name, help, register, key = {}, values = (found: object) => found } = getting
  const run = async ({ params: given, instrument, session }: RegisterOp) => {
    const [of] = apart(given, key)
    const time = { timestamp: Date.now() / 1000 }
    const found = await recall(instrument.link, register, of)
    session.set({ ...time, ...given, ...(values as (found: object) => object)(found) })
  }
  agent.task(name, { help, params: z.object({ ...key }) as never }, run as never)
}

/** Splits the parameters into the register's key and the others. */
function apart(params: Params, key: Params): [of: string, rest: Params] {
  const [chooses] = Object.keys(key)
  const rest = Object.fromEntries(Object.entries(params).filter(([name]) => name !== chooses))
  return [chooses === undefined ? '' : String(params[chooses]), rest]
}
