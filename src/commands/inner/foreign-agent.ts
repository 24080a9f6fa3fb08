import { Command } from 'commander'
import foreignAgent from '../../chaos/foreign-agent.ts'
import type { Context } from '../../terminal/context.ts'

/** `ocs foreign-agent`: what `ocs chaos` has misbehave in its lab; in no help. */
export function foreignAgentCommand({ signal }: Context): Command {
  return new Command('foreign-agent')
    .description('Misbehave in a lab, as ocs chaos asks.')
    .argument('<told>', 'what it is told, JSON')
    .action((told: string) => foreignAgent({ args: [told], signal }))
}
