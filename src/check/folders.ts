import { accessSync, constants, existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { flattenArguments } from '../core/arguments/agent-arguments.ts'
import { counted } from '../core/counted.ts'
import { messageOf } from '../core/errors.ts'
import { networkType } from '../launch/places.ts'
import { freeSpaceNow } from '../machine/free-space.ts'
import { statePath } from '../machine/state-path.ts'
import type { Check, Finding } from './finding.ts'

/** Bytes and files that must be free: enough for some days of recording. */
const SPACE = 1e9
const FILES = 1000

/** Checks that the folders of state, logs and recordings are writable and have room. */
export const checkFolders: Check = ({ host, flags: { stateDir, logDir }, context: { env } }) => {
  const state = statePath(stateDir, env)
  const data = host.instances
    .filter(({ manage }) => manage === 'host/up')
    .flatMap(({ arguments: given }) => flattenArguments(given))
    .flatMap(({ flag, values }) => (flag === '--data-dir' ? values : []))
  const folders = new Map([
    [resolve(logDir ?? host.log_dir ?? join(state, 'logs')), 'logs'],
    ...data.map((folder) => [resolve(folder), 'recordings'] as const),
    [state, 'state'],
  ])
  return [...folders].map(([path, what]) => folderFinding(path, what))
}

function folderFinding(path: string, what: string): Finding {
  let there = path
  while (!existsSync(there)) there = dirname(there)
  const problem = (text: string): Finding => ({ check: what, level: 'problem', text: `${path} ${text}` })
  try {
    accessSync(there, constants.W_OK | constants.X_OK)
    const { bytes: free, files } = freeSpaceNow(there)
    const type = networkType(there)
    if (what === 'state' && type)
      return problem(`is on ${type}, a network file system: choose a local folder with --state-dir`)
    const how = what === 'recordings' ? ' (ocs archive push keeps closed files elsewhere)' : ''
    if (free < SPACE) return problem(`has ${(free / 1e6).toFixed(0)} MB left: free some space${how}`)
    if (files !== null && files < FILES)
      return problem(`has room for only ${counted(files, 'more file')}: remove some`)
    if (type)
      return {
        check: what,
        level: 'note',
        text: `${path} is on ${type}, a network file system: nothing is written while it is unreachable`,
      }
    return { check: what, level: 'ok', text: `${path}: ${(free / 1e9).toFixed(0)} GB free` }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EROFS') return problem('is on a read-only file system: mount it for writing')
    return problem(`cannot be written (${messageOf(error)}): choose another folder, or change its owner`)
  }
}
