import { z } from 'zod'
import { systemClock } from '../../core/clock.ts'
import { OpError } from '../../core/errors.ts'
import { decimal, integer } from '../../instrument/codec.ts'
import type { LineLink } from '../../instrument/transport/line-link.ts'
import { change, recall } from './lakeshore.ts'
import { heating } from './lakeshore372-heaters.ts'
import { inputSetup, inputType, outputMode, rampOf, scanState, setpointOf } from './lakeshore372-settings.ts'

/** The output that drives the sample heater. */
const SAMPLE = 0
/** ms between two readings of one input. */
const READING_MS = 100

/** The whole agent: reading (`-reader`), the settings of inputs and heaters, and here the control of a temperature. */
export default heating
  .task(
    'servo_to_temperature',
    {
      help: 'Control the sample heater in closed loop on its input, connect the scanner to that input, and set the set-point.',
      params: z.object({
        temperature: z
          .number()
          .positive()
          .max(1)
          .describe('K, at most 1')
          .meta({ present: 'check_temperature_stability.setpoint' }),
      }),
    },
    async ({ instrument: { link }, params: { temperature }, session }) => {
      const { mode, input } = await recall(link, 'OUTMODE', SAMPLE, outputMode)
      const { curve } = await recall(link, 'INSET', input, inputSetup)
      if (curve === 0)
        throw new OpError(`input ${input} of the sample heater has no curve, so no temperature`)
      if (mode !== 'Closed Loop') {
        session.log(`the sample heater was in mode ${mode}`)
        await change(link, 'OUTMODE', SAMPLE, outputMode, { mode: 'Closed Loop' })
      }
      if (input !== 'A')
        await change(link, 'SCAN', '', scanState, { channel: Number(input), autoscan: false })
      await change(link, 'INTYPE', input, inputType, { units: 'kelvin' })
      const { on: ramps } = await recall(link, 'RAMP', SAMPLE, rampOf)
      // A set-point that ramps reads as what it is now.
      if (ramps) await link.send(`SETP ${SAMPLE},${setpointOf.encode({ setpoint: temperature })}`)
      else await change(link, 'SETP', SAMPLE, setpointOf, { setpoint: temperature })
      session.set({ setpoint: temperature, input })
      return `The set-point is ${temperature} K${ramps ? ', reached by a ramp' : ''}, on input ${input}.`
    },
  )
  .task(
    'check_temperature_stability',
    {
      help: 'Succeed if the mean of some readings of the sample heater’s input is near its set-point.',
      params: z.object({
        measurements: z.int().min(1).max(10_000).default(10).describe('readings to average, ten a second'),
        threshold: z.number().positive().default(0.5e-3).describe('tolerance of the mean, K'),
      }),
    },
    async ({ instrument: { link }, params: { measurements, threshold }, session, signal }) => {
      const { setpoint } = await recall(link, 'SETP', SAMPLE, setpointOf)
      const { input } = await recall(link, 'OUTMODE', SAMPLE, outputMode)
      let sum = 0
      for (let taken = 0; taken < measurements; taken++) {
        signal.throwIfAborted()
        sum += await validKelvin(link, input)
        await systemClock.sleep(READING_MS, signal)
      }
      const mean = sum / measurements
      session.set({ mean, setpoint, difference: mean - setpoint })
      const text = `${mean.toPrecision(6)} K is ${Math.abs(mean - setpoint).toPrecision(3)} K from the set-point of ${setpoint} K`
      if (!(Math.abs(mean - setpoint) < threshold)) throw new OpError(`${text}, more than ${threshold} K`)
      return `${text}.`
    },
  )

/** The temperature of an input. @throws OpError when its status says that it is none */
async function validKelvin(link: LineLink, input: string): Promise<number> {
  const status = await link.read(`RDGST? ${input}`, integer.decode)
  if (status !== 0) throw new OpError(`input ${input} has no valid temperature: its status is ${status}`)
  return link.read(`RDGK? ${input}`, decimal.decode)
}
