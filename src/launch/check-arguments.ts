import type { z } from 'zod'
import type { Agent } from '../core/agent.ts'
import {
  type Argument,
  argumentFaults,
  coerceArguments,
  flattenArguments,
  mergeArguments,
} from '../core/arguments/agent-arguments.ts'
import { splitCommon } from '../core/arguments/common-flags.ts'
import type { Given } from '../core/arguments/given.ts'
import { statePath } from '../machine/state-path.ts'
import type { Instance } from '../site/instances.ts'
import type { Context } from '../terminal/context.ts'
import { defaultDataDir } from './places.ts'

/**
 * Checks an agent's arguments against its declaration.
 * @returns `common`: flags that every agent takes; `rest`: its own, as given; `values`: the same, typed; or
 *   `faults`, a sentence each, with the position for those in the site file
 */
export function checkArguments(
  agent: Agent,
  siteArguments: readonly Argument[],
  given: readonly string[],
  env: Context['env'],
): Checked {
  const merged = mergeArguments(flattenArguments(siteArguments), flattenArguments(given))
  const { common, rest, notes, faults } = splitCommon(merged)
  if (agent.spec.isProgram) return { common, rest, notes, faults: argumentFaults(siteArguments), values: {} }
  const checked = coerceArguments(agent.spec.args, withDefaults(agent, rest, env), {
    ...(agent.spec.retired && { retired: agent.spec.retired }),
  })
  const ok = 'values' in checked
  const found = [...faults, ...(ok ? [] : checked.faults)]
  return {
    common,
    rest,
    notes: [...notes, ...(ok ? checked.notes : [])],
    faults: [...argumentFaults(siteArguments), ...found.map(({ text }) => text)],
    values: ok ? checked.values : undefined,
  }
}

/** The same for an instance of a site file: every fault begins with a position. */
export function checkInstanceArguments(
  agent: Agent,
  { instance_id, arguments: siteArguments, position, faults: own }: Instance,
  given: readonly string[],
  env: Context['env'],
): Checked {
  const checked = checkArguments(agent, siteArguments, given, env)
  const faults = checked.faults.map((text) =>
    /:\d+:\d+: /.test(text) ? text : `${position}: instance "${instance_id}": ${text}`,
  )
  return { ...checked, faults: [...own, ...faults] }
}

interface Checked {
  readonly common: Readonly<Record<string, string>>
  readonly rest: readonly Given[]
  readonly notes: readonly string[]
  readonly faults: readonly string[]
  readonly values: Readonly<Record<string, unknown>> | undefined
}

/**
 * Adds defaults: a recorder without a directory writes to XDG's data folder; a file index is kept in the
 * state folder.
 */
function withDefaults(agent: Agent, given: readonly Given[], env: Context['env']): readonly Given[] {
  const folders = { data_dir: defaultDataDir(env), index_dir: statePath(undefined, env) }
  const missing = Object.entries(folders).flatMap(([name, folder]) => {
    const flag = `--${name.replace('_', '-')}`
    const type = agent.spec.args.shape[name] as z.ZodType | undefined
    const needs = type?.safeParse(undefined).success === false && !given.some((one) => one.flag === flag)
    return needs ? [{ flag, values: [folder] }] : []
  })
  return [...given, ...missing]
}
