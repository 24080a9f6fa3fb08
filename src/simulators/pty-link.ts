import { lstatSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { ConfigError, messageOf } from '../core/errors.ts'
import { simulatorAt } from './pty-holder.ts'

/**
 * Waits for the end of its input, which means the end of the simulator, and removes the link whose inode it
 * was told last. Ctrl-C reaches it as well, and must not end it sooner.
 */
const GUARD = `trap '' INT QUIT TERM HUP
while IFS= read -r line; do inode=$line; done
[ -z "$inode" ] || exec find "$1" -maxdepth 0 -type l -inum "$inode" -delete`

/** The stable name of a pseudo-terminal, removed when the process that made it ends, in whatever way. */
export interface PtyLink {
  /**
   * Points to a device from now on. @throws ConfigError if the link is another simulator's, or cannot be made
   */
  point(device: string): void
  /** Removes the link, if it is still this one. */
  remove(): void
  /** Removes it for good. */
  close(): void
}

/** Links of this process that exist. */
const standing = new Set<PtyLink>()
function removeAll(): void {
  for (const link of standing) link.remove()
}

/** @param path where the link is made: it may replace a link, never somebody else's file or device */
export function openPtyLink(path: string): PtyLink {
  const guard = startGuard(path)
  let own: Seen | undefined
  const link: PtyLink = {
    point(device) {
      replace(path, device)
      own = linkAt(path)
      guard?.tell(own?.inode ?? '')
    },
    remove() {
      const there = linkAt(path)
      if (there && there.inode === own?.inode && there.device === own.device) rmSync(path, { force: true })
      own = undefined
      guard?.tell('')
    },
    close() {
      link.remove()
      guard?.end()
      standing.delete(link)
    },
  }
  if (!process.listeners('exit').includes(removeAll)) process.on('exit', removeAll)
  standing.add(link)
  return link
}

/** The state of a link at a moment. */
interface Seen {
  readonly inode: string
  readonly device: string
}

/** Undefined if there is no link; it may vanish at any moment. */
function linkAt(path: string): Seen | undefined {
  try {
    return { inode: String(lstatSync(path, { bigint: true }).ino), device: readlinkSync(path) }
  } catch {
    return undefined
  }
}

function replace(link: string, device: string): void {
  const before = linkAt(link)
  const holder = before && simulatorAt(before.device)
  if (holder !== undefined)
    throw new ConfigError(
      `${link} is served by another simulator (pid ${holder}): stop it, or choose another with --pty`,
    )
  try {
    // Made beside an old one, so that it has another inode: the guard of a killed simulator must not remove
    // it.
    const made = before ? `${link}.${process.pid}` : link
    if (before) rmSync(made, { force: true })
    symlinkSync(device, made)
    if (before) renameSync(made, link)
  } catch (cause) {
    const text = `cannot make the link ${link} to the pseudo-terminal ${device}: ${messageOf(cause)}`
    throw new ConfigError(text, { cause })
  }
}

/** Without a shell, a link remains after `kill -9`, until the next simulator takes it over. */
function startGuard(path: string): { tell(inode: string): void; end(): void } | undefined {
  try {
    const guard = Bun.spawn(['sh', '-c', GUARD, 'sh', path], {
      stdin: 'pipe',
      stdout: 'ignore',
      stderr: 'ignore',
      cwd: '/',
    })
    guard.unref()
    return {
      tell: (inode) => attempt(() => guard.stdin.write(`${inode}\n`) && guard.stdin.flush()),
      end: () => attempt(() => guard.stdin.end()),
    }
  } catch {
    return undefined
  }
}

/** Ignores errors, for example from a guard that somebody has killed. */
function attempt(act: () => unknown): void {
  void (async () => act())().catch(() => {})
}
