import { z } from 'zod'
import type { Agent } from '../core/agent.ts'
import type { AgentApi, FeedDeclaration } from '../core/channels.ts'
import { withoutSecrets } from '../core/redact.ts'
import { queriesOf } from './answers.ts'

/** An agent's self-description. */
export function apiOf(
  agent: Agent,
  args: unknown,
  feeds: Record<string, FeedDeclaration>,
  node?: AgentApi['node'],
): AgentApi {
  const json = (schema: z.ZodObject) => z.toJSONSchema(schema, { io: 'input' }) as Record<string, unknown>
  const ops = Object.entries(agent.ops).map(([name, { kind, help, params, startup, min_privs }]) => [
    name,
    { kind, help, params: json(params), ...startupOf(startup(args as never)), min_privs },
  ])
  const queries = Object.entries(queriesOf(agent)).map(([name, { help, params }]) => [
    name,
    { help, params: json(params) },
  ])
  return {
    agent_class: agent.spec.class,
    help: agent.spec.help,
    ops: Object.fromEntries(ops),
    queries: Object.fromEntries(queries),
    feeds,
    ...(node && { node }),
  }
}

function startupOf(asked: boolean | Readonly<Record<string, unknown>>) {
  return typeof asked === 'boolean'
    ? { startup: asked }
    : { startup: true, startup_params: withoutSecrets({ ...asked }) }
}
