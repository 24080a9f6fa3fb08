import type { Given } from './given.ts'

/** A flag that every agent takes. */
export interface CommonFlag {
  /** Where it has an effect: also in a site file's `arguments`, on the command line only, or nowhere. */
  readonly effect: 'anywhere' | 'command line' | 'nowhere'
  /** What it does, or why it has no effect. */
  readonly help: string
  /** Takes true or false; true when given without a value. */
  readonly isSwitch?: true
}

const tooLate = (help: string) => ({ effect: 'command line', help }) as const
const none = (help: string) => ({ effect: 'nowhere', help }) as const
const anywhere = (help: string) => ({ effect: 'anywhere', help }) as const

/** The flags that every OCS agent takes (OCS manual, "Site Config Options"), then those added here. */
export const commonFlags: Readonly<Record<string, CommonFlag>> = {
  '--site': tooLate('the site file $OCS_CONFIG_DIR/SITE.yaml instead of default.yaml'),
  '--site-file': tooLate('the site file'),
  '--site-host': tooLate('the host of the site file to run as, instead of this machine’s host name'),
  '--site-hub': anywhere(
    'the address of the hub, mqtt://HOST:PORT or ws://HOST:PORT/PATH; several separated by commas',
  ),
  '--site-http': none('requests travel over MQTT'),
  '--site-realm': anywhere('the realm of the hub'),
  '--instance-id': tooLate('which instance of the site file to run'),
  '--address-root': anywhere('the first word of every topic'),
  '--registry-address': none('the hub itself knows which agents there are'),
  '--log-dir': anywhere('the folder of log files'),
  '--working-dir': anywhere('the folder that relative paths start from'),
  '--crossbar-timeout': none('an agent keeps its samples and tries again until the hub is back'),
  '--access-policy': none('the hub decides who may do what'),
  '--state-dir': anywhere('the state folder: samples not yet recorded, sessions'),
  '--files-dir': anywhere(
    'the folder that files named in requests are read from; $OCS_CONFIG_DIR by default',
  ),
  '--log-format': anywhere('text or json'),
  '--trace': {
    effect: 'anywhere',
    help: 'log every command to the instrument and every reply, with times',
    isSwitch: true,
  },
}

/**
 * Takes the common flags out of a list of arguments.
 * @returns `common`: the last value of each flag that has an effect, by key (`site_hub`); `rest`: the agent's
 *   own flags; `notes`: a sentence for each common flag without effect in its place
 */
export function splitCommon(given: readonly Given[]): {
  readonly common: Readonly<Record<string, string>>
  readonly rest: readonly Given[]
  readonly notes: readonly string[]
  readonly faults: readonly { readonly name: string; readonly text: string }[]
} {
  const common: Record<string, string> = {}
  const rest: Given[] = []
  const notes = new Set<string>()
  const faults: { name: string; text: string }[] = []
  for (const one of given) {
    const flag = Object.hasOwn(commonFlags, one.flag) ? commonFlags[one.flag] : undefined
    const [value = flag?.isSwitch && 'true'] = one.values
    const name = one.flag.slice(2).replaceAll('-', '_')
    if (!flag) rest.push(one)
    else if (flag.effect === 'nowhere') notes.add(`${one.flag} has no effect here: ${flag.help}`)
    else if (flag.effect === 'command line' && one.position !== undefined) {
      notes.add(`${one.flag} has no effect here: it is too late in "arguments": pass it on the command line`)
    } else if (
      value === undefined ||
      one.values.length > 1 ||
      (flag.isSwitch && !/^(true|false)$/.test(value))
    ) {
      const place = one.position === undefined ? '' : `${one.position}: `
      const wants = flag.isSwitch ? 'true, false or nothing' : 'one value'
      faults.push({ name, text: `${place}${one.flag} takes ${wants}${shown(one.values)}` })
    } else common[name] = value
  }
  return { common, rest, notes: [...notes], faults }
}

/** `, given "a" "b"`, or an empty text. */
export function shown(values: readonly string[]): string {
  return values.length === 0 ? '' : `, given ${values.map((value) => JSON.stringify(value)).join(' ')}`
}
