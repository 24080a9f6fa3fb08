import { join } from 'node:path'
import { type Lab, ROOT, type Running } from './roles.ts'

/** The demo's site file; its addresses and folders are always overridden. */
export const SITE = ['--site-file', join(ROOT, 'fixtures', 'sites', 'demo.yaml'), '--site-host', 'localhost']

/** Instances of the demo's site, each started as a user would, with all their files in the lab's folder. */
export class DemoLab {
  readonly dataDir: string
  readonly pty: string
  readonly truth: string
  readonly #lab: Lab

  constructor(lab: Lab, dataDir = lab.path('data')) {
    this.#lab = lab
    this.dataDir = dataDir
    this.pty = lab.path('ttyLS240')
    this.truth = lab.path('truth-240.jsonl')
  }

  agent(instance: string, ...args: string[]): Running {
    const command = ['agent', '--instance-id', instance, ...SITE, '--log-dir', this.#lab.path('log'), ...args]
    return this.#lab.start(instance, command)
  }

  aggregator(...args: string[]): Running {
    return this.agent('aggregator', '--data-dir', this.dataDir, ...args)
  }

  /** The simulated 240 behind its pseudo-terminal. */
  sim240(...args: string[]): Promise<Running> {
    return this.#lab.sim('240', 'LSA21OQ', '--pty', this.pty, '--truth', this.truth, ...args)
  }

  ls240(hertz: number, ...args: string[]): Running {
    return this.agent('ls240', '--port', this.pty, '--sampling-frequency', String(hertz), ...args)
  }
}
