import { Command } from 'commander'
import { secondsOf } from '../../core/arguments/time-units.ts'
import { LockAnswer } from '../../core/built-in.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import { runningInstance, type WithLab } from '../../launch/join-lab.ts'
import { keyRing } from '../../launch/key-ring.ts'
import type { Context } from '../../terminal/context.ts'
import { at } from '../../terminal/table.ts'
import { examples } from '../help.ts'
import { labFlags } from '../site-flags.ts'

interface LockFlags extends SiteOptions {
  readonly for: string
  readonly by?: string
  readonly json?: boolean
}

/** `ocs ctrl lock INSTANCE`: for a while only this account starts, stops and aborts its operations. */
export function lockCommand(context: Context, withLab: WithLab): Command {
  return labFlags(new Command('lock'))
    .description('Reserve an agent: only you can start, stop and abort its operations for a while.')
    .argument('<instance>', 'whose operations')
    .option('--for <time>', 'how long, unless it is locked again: seconds, or 10min, 2h', '10min')
    .option('--by <who>', 'who you are, for others to read; your account and machine by default')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', examples('ocs ctrl lock ls240 --for=2h'))
    .action((instance: string, flags: LockFlags) => {
      const seconds = secondsOf('--for', flags.for)
      const params = { seconds, ...(flags.by !== undefined && { by: flags.by }) }
      return withLab(flags, context, async (on) => {
        await runningInstance(on, instance)
        const lock = LockAnswer.parse(await on.ask.query(instance, 'lock', params))
        keyRing(context.env, on.root).put(instance, lock.key)
        const text = `${instance} is locked by ${lock.by} until ${at(lock.until)}; ocs ctrl unlock ${instance} ends it\n`
        context.out(flags.json ? `${JSON.stringify(lock)}\n` : text)
      })
    })
}

/** `ocs ctrl unlock INSTANCE`: gives the lock back. */
export function unlockCommand(context: Context, withLab: WithLab): Command {
  return labFlags(new Command('unlock'))
    .description('End a lock: everyone can start, stop and abort operations again.')
    .argument('<instance>', 'whose operations')
    .option('--force', 'even if someone else locked it; needs access level 3')
    .addHelpText('after', examples('ocs ctrl unlock ls240', 'ocs ctrl unlock ls240 --force'))
    .action((instance: string, flags: SiteOptions & { readonly force?: boolean }) =>
      withLab(flags, context, async (on) => {
        await runningInstance(on, instance)
        await on.ask.query(instance, 'unlock', { force: flags.force === true })
        keyRing(context.env, on.root).remove(instance)
        context.out(`${instance} is unlocked\n`)
      }),
    )
}
