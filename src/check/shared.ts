import type { Agent, Claim } from '../core/agent.ts'
import { flattenArguments } from '../core/arguments/agent-arguments.ts'
import { messageOf } from '../core/errors.ts'
import { didYouMean, nearOr } from '../core/names.ts'
import type { Instance } from '../site/instances.ts'

/** An instance of the site file with valid arguments. */
export interface Checked {
  readonly instance: Instance
  readonly agent: Agent
  readonly values: Readonly<Record<string, unknown>>
}

/**
 * Resources claimed by two instances of a lab, and references to missing instances: a sentence with its
 * position each.
 */
export function sharedFaults(
  checked: readonly Checked[],
  all: readonly Instance[],
  isBroken: boolean,
): string[] {
  const holders = new Map<string, Checked>()
  const faults: string[] = []
  for (const one of checked) {
    // Alternatives may share a resource in a file, as long as only one of them is to be up.
    if (one.instance.manage !== 'host/up') continue
    const { host } = one.instance
    for (const { key, argument, text, local } of claimsOf(one, faults)) {
      const known = local ? `${host} ${key}` : key
      const holder = holders.get(known)
      if (holder === undefined) holders.set(known, one)
      else
        faults.push(
          `${place(one, argument)}: ${text}${local ? ` of ${host}` : ''} is taken: ${named(holder)} has it already`,
        )
    }
    const missing = missingTarget(one, all, isBroken) ?? missingFeed(one, checked)
    if (missing !== undefined) faults.push(missing)
  }
  return faults
}

/** The claims of an instance; an error in evaluating its arguments is reported as a fault. */
function claimsOf({ instance, agent, values }: Checked, faults: string[]): readonly Claim[] {
  try {
    return agent.spec.claims?.(values) ?? []
  } catch (error) {
    faults.push(`${instance.position}: instance "${instance.instance_id}": ${messageOf(error)}`)
    return []
  }
}

/** Why the instance that a data node shows does not exist; undefined if it does. */
function missingTarget(one: Checked, all: readonly Instance[], isBroken: boolean): string | undefined {
  const { agent, values } = one
  const target = agent.spec.serves?.(values).target
  const ids = all.map(({ instance_id }) => instance_id)
  if (target === undefined || ids.includes(target)) return undefined
  const [near] = didYouMean(target, ids)
  // The missing instance may be in a part that could not be read.
  if (near === undefined && isBroken) return undefined
  const argument = Object.keys(values).find((name) => values[name] === target)
  return `${place(one, argument)}: ${flagOf(argument)} ${target}: there is no such instance: ${nearOr(target, ids)}`
}

/**
 * Why the feed that a data node shows does not exist; undefined if it does, or if its agent itself is faulty.
 */
function missingFeed(one: Checked, checked: readonly Checked[]): string | undefined {
  const { agent, values } = one
  const { target, feed } = agent.spec.serves?.(values) ?? {}
  const shown = checked.find(({ instance }) => instance.instance_id === target)?.agent.spec
  if (feed === undefined || !shown || Object.hasOwn(shown.feeds, feed)) return undefined
  const feeds = Object.keys(shown.feeds)
  const argument = Object.keys(values).find((name) => values[name] === feed)
  const hint = nearOr(feed, feeds, 'it has')
  return `${place(one, argument)}: ${flagOf(argument)} ${feed}: ${target} (${shown.class}) has no such feed: ${hint}`
}

const flagOf = (argument = '') => `--${argument.replaceAll('_', '-')}`

/** The position of an argument, or of its instance if it is left out. */
function place({ instance }: Checked, argument: string | undefined): string {
  const given = flattenArguments(instance.arguments).find(({ flag }) => flag === flagOf(argument))
  return given?.position ?? instance.position
}

function named({ instance: { instance_id, position } }: Checked): string {
  return `"${instance_id}" (line ${position.split(':').at(-2)})`
}
