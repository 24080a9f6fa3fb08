import { parseNumber, Refusal } from './settings.ts'
import type { DialectContext } from './simulator.ts'

/** Bits of the standard event status register, besides those of a `Refusal`. */
const [OPERATION_COMPLETE, POWER_ON] = [1, 128]
/** Bits of the status byte: an enabled event has happened, and an enabled service request is due. */
const [EVENT, SERVICE] = [32, 64]

/** The common commands of an instrument, and the state they need. */
export interface CommonCommands {
  /**
   * Carries out a common command: the reply, empty if it has none; undefined for any other command.
   * @throws Refusal for a number out of range
   */
  obey(name: string, args: readonly string[]): string | undefined
  /** Notes a refused command, which `*ESR?` shows. */
  refused(refusal: Refusal): void
}

/**
 * The common commands of IEEE 488.2, as in Lake Shore's manuals: events and their enable masks (`*ESR?`,
 * `*ESE`, `*CLS`, `*OPC`), the status byte (`*STB?`, `*SRE`), `*OPC?`, `*TST?`, `*WAI` and `*RST`. Every
 * command completes at once, and the stored settings are those at power-up, so the last two change nothing.
 */
export function createCommonCommands({ faults }: Pick<DialectContext, 'faults'>): CommonCommands {
  let events = POWER_ON
  const enabled = { '*ESE': 0, '*SRE': 0 }
  let reboots = 0

  function powerUp(): void {
    if (reboots === faults.reboots) return
    reboots = faults.reboots
    events = POWER_ON
  }

  function status(): number {
    const byte = events & enabled['*ESE'] ? EVENT : 0
    return byte & enabled['*SRE'] ? byte | SERVICE : byte
  }

  return {
    obey(name, args) {
      powerUp()
      switch (name) {
        case '*ESR?': {
          const shown = events
          events = 0
          return String(shown)
        }
        case '*ESE':
        case '*SRE': {
          const mask = parseNumber(args[0] ?? '')
          if (!Number.isInteger(mask) || mask < 0 || mask > 255) throw new Refusal(16)
          enabled[name] = mask
          return ''
        }
        case '*ESE?':
          return String(enabled['*ESE'])
        case '*SRE?':
          return String(enabled['*SRE'])
        case '*STB?':
          return String(status())
        case '*CLS':
          events = 0
          return ''
        case '*OPC':
          events |= OPERATION_COMPLETE
          return ''
        case '*OPC?':
          return '1'
        case '*TST?':
          return '0'
        case '*RST':
        case '*WAI':
          return ''
      }
      return undefined
    },
    refused({ bit }) {
      powerUp()
      events |= bit
    },
  }
}
