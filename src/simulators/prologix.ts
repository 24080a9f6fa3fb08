import type { Dialect } from './simulator.ts'

/** Precedes characters that the controller would otherwise interpret. */
const ESCAPE = '\x1b'

/**
 * A Prologix controller with devices on its bus, by GPIB address: accepts `++addr`, passes lines on, and
 * returns a device's reply when told to read. Its other commands do nothing here.
 */
export function createPrologix(devices: ReadonlyMap<number, Dialect>): Dialect {
  let address = 0
  let due: ReturnType<Dialect>
  return (line) => {
    const [, command, value] = /^\+\+(\w+)\s*(\S*)/.exec(line) ?? []
    if (command === 'addr') address = Number(value)
    else if (command === 'read') {
      const reply = due
      due = undefined
      return reply
    } else if (command === undefined) due = devices.get(address)?.(line.replaceAll(ESCAPE, '')) ?? due
    return undefined
  }
}
