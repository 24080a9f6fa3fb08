import { Command } from 'commander'
import { counted } from '../../core/counted.ts'
import { OpError } from '../../core/errors.ts'
import { forgetInstance } from '../../lab/forget-instance.ts'
import { whoAsks } from '../../lab/request-client.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import { joinLab } from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import { examples } from '../help.ts'
import { labFlags } from '../site-flags.ts'

/** `ocs hub forget`: what an id has left on the hub, be it an agent's or not. */
export function forgetIdCommand(context: Context): Command {
  return labFlags(new Command('forget'))
    .description(
      'Clear everything this hub retains under an id that no agent uses, such as a typing error or a trial.',
    )
    .argument('<id>', 'an instance-id that is not connected')
    .addHelpText('after', examples('ocs hub forget ls24O'))
    .action((id: string, flags: SiteOptions) =>
      joinLab(flags, context, async ({ bus, root, lab }) => {
        if (lab.of(id)?.state === 'online')
          throw new OpError(`${id} runs: stop it first; ocs ctrl forget ${id} says where it is`)
        const { all } = await forgetInstance(bus, root, id, whoAsks())
        context.out(
          all > 0 ? `${id}: ${counted(all, 'retained message')} cleared\n` : `nothing is retained of ${id}\n`,
        )
      }),
    )
}
