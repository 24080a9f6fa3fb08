/** How a Lake Shore 336 is taken to a temperature, and whether it is there. */
import { OpError } from '../../core/errors.ts'
import { pause } from '../../core/pause.ts'
import { decimal } from '../../instrument/codec.ts'
import { change, recall } from '../../instrument/registers.ts'
import type { Link } from '../../instrument/transport/link.ts'
import { inputType, limit, outputMode, ramp, range, setpoint } from './lakeshore336-table.ts'

/** Temperatures of all inputs, K, by the field's name, at a time (monotonic, s). */
interface Past {
  readonly time: number
  readonly kelvin: ReadonlyMap<string, number>
}
/** Seconds of readings that are kept, for tests of stability. */
const KEPT_S = 7200
/** ms that the instrument takes to register that a heater is off (socs' finding). */
const OFF_MS = 1000

/** What has been read lately, and the temperature each heater was told to reach, K. */
export class Lately {
  readonly #past: Past[] = []
  readonly told = new Map<string, number>()

  add(kelvin: ReadonlyMap<string, number>): void {
    const time = performance.now() / 1000
    this.#past.push({ time, kelvin })
    while ((this.#past[0]?.time ?? time) < time - KEPT_S) this.#past.shift()
  }

  /**
   * The temperatures of an input in the last `window` s.
   * @throws OpError when readings do not reach back so far
   */
  since(input: string, window: number): number[] {
    const now = performance.now() / 1000
    const reach = now - (this.#past[0]?.time ?? now)
    // The first reading of a window may be as much as a sweep later than its beginning.
    const between = reach / Math.max(1, this.#past.length - 1)
    if (reach + between < window)
      throw new OpError(`readings cover the last ${reach.toFixed(0)} s, less than ${window} s`)
    return this.#past
      .filter(({ time }) => time >= now - window)
      .map(({ kelvin }) => kelvin.get(input) ?? Number.NaN)
  }
}

export interface Servo {
  /** K. */
  readonly temperature: number
  /** K/min. */
  readonly ramp: number
  readonly heater: string
  /** Whether the loop is begun anew when the temperature is first reached, less this offset (K) when it rises. */
  readonly transport: boolean
  readonly transport_offset: number
}

/**
 * Makes a heater go to a temperature from where it is, by a ramp. The heater's range stays as it is.
 * @throws OpError when it has no input, or the temperature is beyond the input's limit: nothing has been changed then
 */
export async function servo(
  link: Link,
  lately: Lately,
  { temperature, ramp: rate, heater, transport, transport_offset }: Servo,
  log: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { mode, input } = await recall(link, outputMode, heater)
  if (input === 'none') throw new OpError(`heater ${heater} has no input: set_input_channel gives it one`)
  const { T_limit } = await recall(link, limit, input)
  if (T_limit !== 0 && T_limit <= temperature)
    throw new OpError(`input ${input} has a limit of ${T_limit} K, which is not above ${temperature} K`)
  const kelvin = () => link.read(`KRDG? ${input}`, decimal.decode)
  const now = Number((await kelvin()).toFixed(4))
  if (mode !== 'closed loop') {
    log('changing to closed loop')
    await change(link, outputMode, heater, { mode: 'closed loop' })
  }
  const { units } = await recall(link, inputType, input)
  if (units !== 'kelvin') {
    log(`changing the units of input ${input} to K`)
    await change(link, inputType, input, { units: 'kelvin' })
  }
  log(`from ${now} K to ${temperature} K, ${rate} K/min`)
  await change(link, ramp, heater, { on: false })
  await change(link, setpoint, heater, { setpoint: now })
  await change(link, ramp, heater, { on: true, rate })
  await link.send(`SETP ${heater},${temperature}`)
  lately.told.set(heater, temperature)
  if (!transport) return
  const rising = temperature > now
  const target = rising ? temperature - transport_offset : temperature
  while (rising ? (await kelvin()) < target : (await kelvin()) > target) {
    await pause(1000, signal)
    if (signal.aborted) throw new OpError('stopped before the end; the setpoint stays')
  }
  log('reached: the control loop starts again')
  const before = await recall(link, range, heater)
  await change(link, range, heater, { range: 'off' })
  await pause(OFF_MS, signal)
  await change(link, range, heater, before)
}
