/** The instruments of the demo lab over a week, on a clock that runs as fast as they can answer. */
import { expect, test } from 'bun:test'
import { typical } from '../agents/lakeshore/lakeshore240-channels.ts'
import { typicalBlocks as blocks372 } from '../agents/lakeshore/lakeshore372-scan.ts'
import type { Blocks } from '../core/feed-spec.ts'
import { blocksOf } from '../instrument/table.ts'
import { createLakeshore240 } from '../simulators/lakeshore240.ts'
import { createLakeshore372 } from '../simulators/lakeshore372.ts'
import { contextOf, type Dialect, type DialectContext } from '../simulators/simulator.ts'
import { demoRoles } from './demo-roles.ts'

const HOUR = 3600
const WEEK = 7 * 24 * HOUR
/** Every two minutes during the cooldown, then at all times of the day. */
const times = [
  ...Array.from({ length: 30 }, (_, i) => i * 120),
  ...Array.from({ length: WEEK / HOUR }, (_, i) => HOUR * (i + 1) + 37 * i),
]

interface Kind {
  readonly create: (context: DialectContext) => Dialect
  readonly inputs: readonly string[]
  readonly isEnabled: (ask: (line: string) => string, input: string) => boolean
  readonly isCalibrated: (ask: (line: string) => string, input: string) => boolean
  readonly blocks: Blocks
}
const numbered = (count: number) => Array.from({ length: count }, (_, i) => String(i + 1))
const kinds: Readonly<Record<string, Kind>> = {
  lakeshore240: {
    create: createLakeshore240,
    inputs: numbered(8),
    isEnabled: (ask, input) => ask(`INTYPE? ${input}`).endsWith(',1'),
    isCalibrated: (ask, input) => Number(ask(`CRVPT? ${input},1`).split(',')[1]) !== 0,
    blocks: blocksOf(typical),
  },
  lakeshore372: {
    create: createLakeshore372,
    inputs: [...numbered(16), 'A'],
    isEnabled: (ask, input) => ask(`INSET? ${input}`).startsWith('1,'),
    isCalibrated: (ask, input) => Number(ask(`INSET? ${input}`).split(',')[3]) !== 0,
    blocks: blocks372(),
  },
}
/** The range that an agent declares for its temperatures, K. */
const rangeOf = (blocks: Blocks) =>
  Object.values(blocks)
    .flatMap((fields) => Object.values(fields))
    .find(({ units }) => units === 'K')?.range ?? [Number.NaN, Number.NaN]

const simulators = demoRoles('/tmp/demo', false).simulators.map(({ args }) => {
  const after = (flag: string) => args[args.indexOf(flag) + 1] ?? ''
  return { kind: args[1] ?? '', serial: after('--serial-number'), seed: Number(after('--seed')) }
})

test.each(simulators)(
  '$serial, a $kind, is read at any time of a week: each value valid, finite, in its range',
  ({ kind, serial, seed }) => {
    const { create, inputs, isEnabled, isCalibrated, blocks } = kinds[kind] as Kind
    const start = 1_795_779_127
    let now = start
    const dialect = create(contextOf({ serialNumber: serial, seed, now: () => now }))
    const ask = (line: string) => dialect(line)?.text ?? ''
    const [low, high] = rangeOf(blocks)
    const enabled = inputs.filter((input) => isEnabled(ask, input))
    const bad: string[] = []
    let values = 0
    for (const time of times) {
      now = start + time
      for (const input of enabled) {
        const sensor = Number(ask(`SRDG? ${input}`))
        const kelvin = Number(ask(`KRDG? ${input}`))
        const status = Number(ask(`RDGST? ${input}`))
        const isRight = isCalibrated(ask, input)
          ? kelvin > Number(low) && kelvin <= Number(high)
          : kelvin === 0
        values += 2
        if (status !== 0 || !(sensor > 0) || !isRight)
          bad.push(
            `${ask(`INNAME? ${input}`).trim()} after ${time} s: ${kelvin} K, ${sensor}, status ${status}`,
          )
      }
    }
    expect(bad).toEqual([])
    expect(values).toBeGreaterThan(2000)
  },
)
