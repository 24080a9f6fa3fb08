import { Command, Option } from 'commander'
import { counted } from '../../core/counted.ts'
import { UsageError } from '../../core/errors.ts'
import { chooseSite, type SiteOptions } from '../../launch/choose-site.ts'
import { statePath } from '../../machine/state-path.ts'
import {
  credentialsText,
  madeCredentials,
  writeCredentials,
  writeToken,
} from '../../principals/credentials.ts'
import { readHubAuthority } from '../../principals/hub-keys.ts'
import {
  addToken,
  isValid,
  principalsPath,
  type RoleText,
  readPrincipals,
  revoke,
  roles,
  setPassword,
} from '../../principals/principals-file.ts'
import { firstOf } from '../../site/hub-url.ts'
import type { Context } from '../../terminal/context.ts'
import { readSecret, secretIn } from '../../terminal/secret.ts'
import { table } from '../../terminal/table.ts'
import { examples } from '../help.ts'
import { siteFlags } from '../site-flags.ts'

interface StateFlag {
  readonly stateDir?: string
}
const role = (text: string) => new Option('--role <role>', text).choices(roles)
const withState = (command: Command) => command.option('--state-dir <folder>', 'the state folder of the hub')

/** `ocs hub passwd|users|revoke|token`: the accounts of a hub. A running hub rereads them at once. */
export function principalCommands(context: Context): Command[] {
  const file = ({ stateDir }: StateFlag) => principalsPath(statePath(stateDir, context.env))
  return [
    withState(new Command('passwd'))
      .description(
        'Set what a person may do on this hub, and their password for ocs login. It ends their earlier log-ins.',
      )
      .argument('<name>', 'who')
      .addOption(role('observer reads, operator:LEVEL acts up to that access level, admin may do everything'))
      .option(
        '--password-file <file>',
        'the password is its first line; otherwise it is asked for, or read from a pipe',
      )
      .addHelpText(
        'after',
        examples('ocs hub passwd maya --role=operator:1', 'ocs hub passwd maya --password-file=new-password'),
      )
      .action(async (name: string, flags: StateFlag & { role?: RoleText; passwordFile?: string }) => {
        const before = readPrincipals(file(flags))
        const given = flags.role ?? (Object.hasOwn(before, name) ? before[name]?.role : undefined)
        if (given === undefined)
          throw new UsageError(
            'say what they may do: --role observer, operator:1, operator:2, operator:3 or admin',
          )
        const { passwordFile } = flags
        const password = passwordFile
          ? secretIn(passwordFile)
          : await readSecret(context, `password of ${name}`)
        const ended = await setPassword(file(flags), name, given, password)
        const former = ended === 0 ? '' : `, and ${ended} earlier log-ins are ended`
        context.err(
          `${name} is ${given} (${file(flags)})${former}; on their own account they run: ocs login ${name}\n`,
        )
      }),
    withState(new Command('users'))
      .description('List the accounts of this hub and what each may do.')
      .option('--json', 'print it as JSON')
      .addHelpText('after', examples('ocs hub users', 'ocs hub users --json'))
      .action((flags: StateFlag & { json?: boolean }) => {
        const all = Object.entries(readPrincipals(file(flags))).map(([name, entry]) => {
          const tokens = entry.tokens.filter(isValid)
          return {
            name,
            role: entry.role,
            password: entry.password !== undefined,
            tokens: tokens.map(({ made, until = null }) => ({ made, until })),
          }
        })
        if (flags.json) return context.out(`${JSON.stringify(all)}\n`)
        const rows = all.map((one) => [
          one.name,
          one.role,
          one.password ? 'password' : '',
          `${counted(one.tokens.length, 'token')}${one.tokens.length > 0 ? `, the last of ${one.tokens.at(-1)?.made}` : ''}`,
        ])
        context.out(
          rows.length > 0
            ? table(rows)
            : 'nobody but the account of the hub (ocs hub passwd NAME --role …)\n',
        )
      }),
    withState(new Command('revoke'))
      .description(
        'Remove an account, or revoke a lost token; clients connected with it are cut off at once.',
      )
      .argument('<name>', 'who')
      .option('--old', 'only older tokens, once the newest has been copied to where it is used')
      .addHelpText('after', examples('ocs hub revoke maya', 'ocs hub revoke ls240 --old'))
      .action((name: string, flags: StateFlag & { old?: boolean }) => {
        revoke(file(flags), name, flags.old)
        context.err(flags.old ? `${name} has only its newest token now\n` : `${name} is removed\n`)
      }),
    siteFlags(withState(new Command('token')))
      .description('Make credentials for an agent on another account or host: one file, copied there.')
      .argument('<instance>', 'its instance-id')
      .addOption(role('by default agent, or recorder for the site’s recorder'))
      .option('-o, --out <file>', 'the file to write, readable only by its owner; standard output by default')
      .option('--plain', 'print only the token, for other programs')
      .addHelpText(
        'after',
        examples('ocs hub token ls240 --out=ls240.json', 'ocs hub token grafana --role=observer --plain'),
      )
      .action(
        async (
          name: string,
          flags: SiteOptions & StateFlag & { role?: RoleText; out?: string; plain?: boolean },
        ) => {
          const { url, recorders = [], site } = await chooseSite(flags, context, () => {})
          const known = readPrincipals(file(flags))
          const usual = recorders.includes(name) ? 'recorder' : 'agent'
          const given = flags.role ?? (Object.hasOwn(known, name) ? known[name]?.role : usual)
          const all = [...(site?.hosts.values() ?? [])].flatMap(({ instances }) => instances)
          if (site && given === 'agent' && !all.some(({ instance_id }) => instance_id === name))
            context.err(`${site.file} has no instance ${name}\n`)
          const token = addToken(file(flags), name, given)
          const ca = readHubAuthority(statePath(flags.stateDir, context.env))
          const credentials = madeCredentials(firstOf(url), { principal: name, token, ca })
          if (flags.out === undefined)
            return context.out(flags.plain ? `${token}\n` : credentialsText(credentials))
          if (flags.plain) return writeToken(flags.out, token)
          writeCredentials(flags.out, credentials)
          context.err(`${flags.out}: copy it to where ${name} runs, and name it there in OCS_CREDENTIALS\n`)
        },
      ),
  ]
}
