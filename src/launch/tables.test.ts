import { expect, test } from 'bun:test'
import type { Value } from '../core/wire.ts'
import { sweepOver } from '../instrument/sweep.ts'
import { type SimulatedInstrument, unreadOf } from '../instrument/table.ts'
import type { Link } from '../instrument/transport/link.ts'
import { contextOf } from '../simulators/simulator.ts'
import { createTableDialect } from '../simulators/table.ts'
import { agentClasses, loadClass } from './agents.ts'

/** Words in place of a value; where registers are sent as numbers, no text can come. */
const texts = ['', 'nan', 'abc', '4,2', '1e999', '--', '1.2.3', '0x10', '+', '7 8']
const registers = ['65536', '-1', '1.5', '']

/** Commands that an instrument needs before it shows all its values. */
const before: Readonly<Record<string, readonly string[]>> = {
  ScpiPsuAgent: ['1', '2', '3'].flatMap((n) => [`INST:NSEL ${n}`, 'CHAN:OUTP 1', 'VOLT 5']),
}

/** Every table that the module of an agent exports. */
const modules = await Promise.all(agentClasses.map(async (name) => [name, await loadClass(name)] as const))
const tables = modules.flatMap(([name, module]) => {
  const table = module.simulated as SimulatedInstrument | undefined
  const words = table?.served === 'modbus' ? registers : texts
  return table ? [[name, table, words, before[name] ?? []] as const] : []
})

/** A link to a simulated instrument whose replies may be changed. */
function linkTo(
  table: SimulatedInstrument,
  before: readonly string[],
  change: (command: string, reply: string) => string,
): Link {
  const answer = createTableDialect(table, { ...contextOf({ serialNumber: '1' }), now: () => 0 })
  for (const command of before) answer(command)
  return {
    closed: new AbortController().signal,
    read: async <T>(command: string, decode: (reply: string) => T) => {
      const replies = command.split('\n').map((line) => answer(line)?.text ?? '')
      return decode(change(command, replies.at(-1) ?? ''))
    },
  } as unknown as Link
}

const valuesOf = async (link: Link, table: SimulatedInstrument) => {
  const { blocks, faults } = await sweepOver(link, table.readings)
  const values = Object.assign({}, ...blocks.map(({ values }) => values)) as Record<string, Value>
  return { values, faults }
}

test.each(tables)(
  '%s: one bad value costs itself and nothing else, and is told',
  async (_, table, words, before) => {
    const { values: good, faults: none } = await valuesOf(
      linkTo(table, before, (_, reply) => reply),
      table,
    )
    expect([...none]).toEqual([])
    const fields = new Map(table.readings.flatMap((one) => Object.entries(one.fields)))
    const commandOf = new Map(
      table.readings.flatMap(({ command, fields }) => Object.keys(fields).map((name) => [name, command])),
    )
    let tried = 0
    for (const command of new Set(table.readings.map((one) => one.command))) {
      let count = 0
      await valuesOf(
        linkTo(table, before, (asked, reply) => {
          if (asked === command) count = reply.split(',').length
          return reply
        }),
        table,
      )
      for (let place = 0; place < count; place++)
        for (const word of words) {
          tried++
          const bad = linkTo(table, before, (asked, reply) =>
            asked === command ? reply.split(',').with(place, word).join(',') : reply,
          )
          const { values, faults } = await valuesOf(bad, table)
          for (const [name, value] of Object.entries(values)) {
            const { type, when } = {
              when: table.readings.find((one) => name in one.fields)?.when,
              ...fields.get(name),
            }
            const isMine = commandOf.get(name) === command
            const unread = unreadOf(name, fields.get(name) ?? {})
            // A text can be any text, and a value that depends on another is not requested.
            const may = [
              good[name],
              ...(isMine || when ? [unread] : []),
              ...(isMine && type === 'string' ? [value] : []),
            ]
            expect([command, place, word, name, may]).toEqual([
              command,
              place,
              word,
              name,
              expect.arrayContaining([value]),
            ])
            if (value !== good[name] && !when && type !== 'string')
              expect([command, word, faults.size > 0]).toEqual([command, word, true])
          }
        }
    }
    expect(tried).toBeGreaterThan(20)
  },
)
