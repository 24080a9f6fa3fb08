import { HTTPException } from 'hono/http-exception'
import { z } from 'zod'
import { parametersOf, parameterValue, type Schema } from '../../core/arguments/parameters.ts'
import { messageOf, TransportError, UsageError } from '../../core/errors.ts'
import { notFound } from '../../core/names.ts'
import { ResponseCode } from '../../core/ops.ts'
import type { LabView } from '../../lab/lab-view.ts'
import type { Person } from '../access/people.ts'
import { isElsewhere } from '../page/shape.ts'

/** A request of the page for an operation. Values are as typed; a list has one text per value. */
export const OpBody = z.strictObject({
  instance: z.string().max(127),
  op: z.string().max(63),
  action: z.enum(['start', 'stop', 'abort']),
  params: z
    .record(z.string(), z.union([z.string().max(65_536), z.array(z.string().max(65_536))]))
    .default({}),
})
export type OpBody = z.output<typeof OpBody>

/** Number of requests one person may make at once, and how many per second after that. */
const BURST = 10
const PER_SECOND = 2

/** Acts for people who have signed in, each through their own connection: the hub and the agents decide. */
export interface Operate {
  /**
   * Asks an agent to start, stop or abort an operation, in the person's name.
   * @returns the agent's message
   * @throws HTTPException 400 for invalid parameters, 403 if the person is no operator, 404 if there is no
   * such operation, 409 with the agent's or the hub's refusal, 429 for too many requests, 504 if the agent
   * does not answer
   */
  act(who: Person, body: OpBody): Promise<{ readonly message: string }>
}

/** Whether a person is an operator, as the hub reported at the sign-in; for tokens the hub itself decides. */
export function mayOperate({ role }: Pick<Person, 'role'>): boolean {
  return role === undefined || /^(?:operator|admin)/.test(role)
}

export function operate(lab: LabView, log: (text: string) => void, now = () => performance.now()): Operate {
  const spent = new Map<string, { left: number; at: number }>()
  const mayAsk = (name: string): boolean => {
    const { left, at } = spent.get(name) ?? { left: BURST, at: now() }
    const have = Math.min(BURST, left + ((now() - at) / 1000) * PER_SECOND)
    spent.set(name, { left: Math.max(0, have - 1), at: now() })
    return have >= 1
  }

  return {
    async act({ name, role, ask }, { instance, op, action, params }) {
      if (!mayOperate({ role }))
        throw new HTTPException(403, { message: `${name} is an ${role}: operations are for operators` })
      if (!mayAsk(name)) throw new HTTPException(429, { message: 'too many requests: wait a moment' })
      if (isElsewhere(instance))
        throw new HTTPException(403, {
          message: `${instance} belongs to another site: sign in at that site's bridge to operate it`,
        })
      const view = lab.instances.get(instance)
      const info = view?.api && Object.hasOwn(view.api.ops, op) ? view.api.ops[op] : undefined
      if (!info) throw new HTTPException(404, { message: `there is no ${instance} ${op}` })
      const values = action === 'start' ? valuesOf(params, info.params) : {}
      const said = `${name}: ${action} ${instance} ${op}`
      try {
        const { status, msg } = await ask.request(instance, op, action, values)
        log(`${said}: ${msg}`)
        if (status === ResponseCode.OK) return { message: msg }
        throw new HTTPException(409, { message: msg })
      } catch (error) {
        if (!(error instanceof TransportError)) throw error
        log(`${said}: ${messageOf(error)}`)
        throw new HTTPException(504, { message: messageOf(error) })
      }
    },
  }
}

/** Parameters parsed by their JSON Schema. @throws HTTPException 400 with the problem */
function valuesOf(given: OpBody['params'], schema: Schema): Record<string, unknown> {
  const known = parametersOf(schema)
  const names = known.map(({ name }) => name)
  const strange = Object.keys(given).find((name) => !names.includes(name))
  if (strange !== undefined) {
    throw new HTTPException(400, { message: notFound('there is no parameter', strange, names, 'it takes') })
  }
  try {
    return Object.fromEntries(
      known.flatMap((parameter) => {
        const { name, required } = parameter
        const text = Object.hasOwn(given, name) ? given[name] : undefined
        if (text === undefined && required) throw new UsageError(`${name} is required`)
        if (text === undefined) return []
        return [[name, parameterValue(parameter, typeof text === 'string' ? [text] : text, name)]]
      }),
    )
  } catch (error) {
    if (error instanceof UsageError) throw new HTTPException(400, { message: error.message })
    throw error
  }
}
