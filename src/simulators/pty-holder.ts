import { readdirSync, readFileSync } from 'node:fs'

/**
 * The process of another simulator that serves a pseudo-terminal, according to Linux's `/proc`
 * (proc_pid_fdinfo(5): `tty-index` of a master); undefined if there is none that this user may inspect.
 * @param device `/dev/pts/4`
 */
export function simulatorAt(device: string): number | undefined {
  const [, index] = /^\/dev\/pts\/(\d+)$/.exec(device) ?? []
  if (index === undefined) return undefined
  const others = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  const found = others.find((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')
      if (!words.includes('sim')) return false
      const masters = new RegExp(`^tty-index:\\s+${index}$`, 'm')
      return readdirSync(`/proc/${pid}/fdinfo`).some((fd) =>
        masters.test(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')),
      )
    } catch {
      // It has ended in the meantime, or belongs to another user.
      return false
    }
  })
  return found === undefined ? undefined : Number(found)
}
