import { appendFileSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UsageError } from '../core/errors.ts'
import { noise } from './random.ts'
import { contextOf, type Simulator, type SimulatorOptions } from './simulator.ts'

/** ms between two lines of each log. */
const PERIOD_MS = 1000

/**
 * Starts a writer of a Bluefors refrigerator's logs in `DIR/yy-mm-dd/`, one line per second in each. Of the
 * faults, `hang` stops it, `garbage` writes noise in place of the lines of one second, `half-line` delays the
 * ends of lines to the next second.
 * @throws UsageError without a folder
 */
export async function startBluefors(options: SimulatorOptions, period = PERIOD_MS): Promise<Simulator> {
  const { seed, now, faults } = contextOf(options)
  if (options.dir === undefined) throw new UsageError('logs are files: give --dir FOLDER')
  const folder = resolve(options.dir)
  let plugged = true
  const two = (n: number) => String(n).padStart(2, '0')

  function write(): void {
    if (!plugged || faults.hanging) return
    const at = new Date(now() * 1000)
    const [yy, mm, dd] = [String(at.getFullYear()).slice(2), two(at.getMonth() + 1), two(at.getDate())]
    const day = `${yy}-${mm}-${dd}`
    const time = `${dd}-${mm}-${yy},${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
    const about = (key: string, value: number) =>
      (value * (1 + 0.001 * noise(seed, key, Math.floor(now())))).toExponential(6)
    const gauge = (n: number, value: number) => `CH${n},P${n},1,${about(`p${n}`, value)},0,1`
    const lines = {
      'CH1 T': about('ch1', 46.2),
      'CH6 T': about('ch6', 0.0102),
      'CH6 R': about('ch6r', 5210),
      Flowmeter: about('flow', 0.45),
      maxigauge: [gauge(1, 1.1e-6), gauge(2, 0.25), gauge(6, 1.9)].join(','),
      Channels: '1,v11,0,v2,1,v1,1,turbo1,1,scroll1,1,pulsetube,1,hs-still,0,ext,1',
      Status: 'tc400errorcode,0.000000E+0,cpahp,2.98E+2,cpalp,8.6E+1,cpaerr,0.000000E+0',
      heaters: 'a1_u,0.0,a1_r_lead,1.2,a1_r_htr,120.0,htr,1.5E-3,htr_range,4',
    }
    mkdirSync(join(folder, day), { recursive: true })
    const fault = faults.next()
    for (const [name, text] of Object.entries(lines)) {
      const line =
        fault?.kind === 'garbage' ? Buffer.from(faults.noiseBytes()).toString('hex') : `${time},${text}`
      appendFileSync(
        join(folder, day, `${name} ${day}.log`),
        fault?.kind === 'half-line' ? line : `${line}\n`,
      )
    }
  }

  write()
  const timer = setInterval(write, period)
  return {
    url: `file:${folder}`,
    faults,
    async unplug() {
      plugged = false
    },
    async plugIn() {
      plugged = true
    },
    async close() {
      clearInterval(timer)
    },
  }
}
