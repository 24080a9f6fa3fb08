import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import { replacePrivate } from '../machine/private-file.ts'
import { holderOf } from './token.ts'

/** Where curl and Python's requests look for whom to be: `NETRC`, else `~/.netrc`. */
export function netrcPath(env: Readonly<Record<string, string | undefined>>): string {
  return env['NETRC'] || join(env['HOME'] || homedir(), '.netrc')
}

/**
 * Keeps in a netrc who one is on a machine, in place of a token that was kept there before; the rest stays as it is, and the
 * file becomes this account's alone.
 * @returns false where it has somebody else for the machine, whom nothing takes out
 * @throws ConfigError when it cannot be read or written
 */
export function keepInNetrc(file: string, machine: string, name: string, token: string): boolean {
  try {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    const line = `machine ${machine} login ${name} password ${token}`
    const host = RegExp.escape(machine)
    const entry = new RegExp(`^machine\\s+${host}(?=\\s)(?:\\s+(?:login|password|account)\\s+\\S+)*`, 'm')
    const [before = ''] = entry.exec(text) ?? []
    const secret = /\spassword\s+(\S+)/.exec(before)?.[1]
    if (before !== '' && (secret === undefined || holderOf(secret) === undefined)) return false
    // A link of a user's dotfiles stays one.
    replacePrivate(existsSync(file) ? realpathSync(file) : file, withLine(text, before, line))
    return true
  } catch (cause) {
    throw new ConfigError(`${file} cannot be changed: ${messageOf(cause)}`, { cause })
  }
}

function withLine(text: string, before: string, line: string): string {
  if (before !== '') return text.replace(before, () => line)
  // What stands behind `default` is not looked at.
  const rest = /^default(?=\s|$)/m.exec(text)?.index
  if (rest !== undefined) return `${text.slice(0, rest)}${line}\n${text.slice(rest)}`
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`
}
