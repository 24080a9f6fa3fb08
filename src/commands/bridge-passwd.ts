import { join } from 'node:path'
import { Command, Option } from 'commander'
import { type Role, removeUser, setUser } from '../bridge/live/users.ts'
import { UsageError } from '../core/errors.ts'
import { statePath } from '../machine/state-path.ts'
import type { Context } from '../terminal/context.ts'
import { readSecret } from '../terminal/secret.ts'

interface Flags {
  readonly role?: Role
  readonly remove?: boolean
  readonly users?: string
}

/** Where the users of the live page are when nothing says so. */
export function usersFile(flag: string | undefined, env: Context['env']): string {
  return flag ?? join(statePath(undefined, env), 'users.yaml')
}

/** `ocs bridge passwd NAME`: who may sign in on the live page. */
export function passwdCommand(context: Context): Command {
  return new Command('passwd')
    .description('Add a user of the live page, or set a new password; it is asked for, or read from a pipe.')
    .argument('<name>', 'who')
    .addOption(
      new Option(
        '--role <role>',
        'operator: starts, stops and aborts operations; observer: signs in and looks',
      ).choices(['operator', 'observer']),
    )
    .option('--remove', 'take the user out')
    .option('--users <file>', 'the file of users (users.yaml in the state folder)')
    .action(async (name: string, { role, remove, users }: Flags) => {
      const file = usersFile(users, context.env)
      if (remove) {
        removeUser(file, name)
        context.err(`${name} is no user any more (${file})\n`)
        return
      }
      if (!role) throw new UsageError('say what they may do: --role operator or --role observer')
      await setUser(file, name, role, await readSecret(context, `password of ${name}`))
      context.err(`${name} is an ${role} (${file}); a running bridge knows it at once\n`)
    })
}
