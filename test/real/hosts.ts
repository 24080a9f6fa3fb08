import { type Lab, OCS, type Running, type StartOptions } from './roles.ts'

/** The address of the machine that runs the check, as seen by the other hosts. */
export const HERE = '10.99.0.1'

/** Runs a command to its end. @throws Error if it fails */
function must(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command)
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
}

/** A network namespace with its own host name, kept by a process that does nothing. */
async function namespace(lab: Lab, name: string): Promise<Running> {
  const script = `hostname ${name} && ip link set lo up && echo up && exec cat`
  const keeper = lab.program(`host-${name}`, ['unshare', '-n', '-u', 'sh', '-c', script])
  await keeper.says('up')
  return keeper
}

/** Another host of the lab's network: programs on it have its own loopback and host name. */
export interface Host {
  readonly name: string
  start(name: string, args: readonly string[], options?: StartOptions): Running
  /** Starts another program there. */
  program(name: string, command: readonly string[], options?: StartOptions): Running
  /** Unplugs it from the switch: nothing gets through any more, and neither end is told. */
  pull(): void
  plug(): void
}

/** Hosts connected to one switch, each a network namespace (Linux); the check must run in `.ci/alone`. */
export class Network {
  readonly #lab: Lab
  readonly #switch: Running
  #ports = 0

  private constructor(lab: Lab, keeper: Running) {
    this.#lab = lab
    this.#switch = keeper
  }

  /** A switch, with this machine as 10.99.0.1 on it. */
  static async open(lab: Lab): Promise<Network> {
    const network = new Network(lab, await namespace(lab, 'switch'))
    network.#inSwitch('ip', 'link', 'add', 'br0', 'type', 'bridge')
    network.#inSwitch('ip', 'link', 'set', 'br0', 'up')
    // The kernel removes the cable of an ended switch in its own time: an older one may still be here.
    Bun.spawnSync(['ip', 'link', 'delete', 'eth1'])
    network.#port('self')
    return network
  }

  async host(name: string): Promise<Host> {
    const keeper = await namespace(this.#lab, name)
    const port = this.#port(String(keeper.pid))
    const program: Host['program'] = (role, command, options) =>
      this.#lab.program(role, ['nsenter', '-t', String(keeper.pid), '-n', '-u', ...command], options)
    return {
      name,
      start: (role, args, options) => program(role, [...OCS, ...args], options),
      program,
      pull: () => this.#inSwitch('ip', 'link', 'set', port, 'down'),
      plug: () => this.#inSwitch('ip', 'link', 'set', port, 'up'),
    }
  }

  /**
   * Connects the switch to a namespace, given the id of a process in it; returns the name of the switch's
   * end.
   */
  #port(pid: string): string {
    const port = `port${++this.#ports}`
    const within = pid === 'self' ? [] : ['nsenter', '-t', pid, '-n']
    const inner = `eth${this.#ports}`
    must('ip', 'link', 'add', inner, 'type', 'veth', 'peer', 'name', port, 'netns', String(this.#switch.pid))
    if (pid !== 'self') must('ip', 'link', 'set', inner, 'netns', pid)
    must(...within, 'ip', 'address', 'add', `10.99.0.${this.#ports}/24`, 'dev', inner)
    must(...within, 'ip', 'link', 'set', inner, 'up')
    this.#inSwitch('ip', 'link', 'set', port, 'master', 'br0')
    this.#inSwitch('ip', 'link', 'set', port, 'up')
    return port
  }

  #inSwitch(...command: string[]): void {
    must('nsenter', '-t', String(this.#switch.pid), '-n', ...command)
  }
}
