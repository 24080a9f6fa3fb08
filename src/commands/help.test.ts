import { expect, test } from 'bun:test'
import { everyCommand, helpOf } from '../../docs/site/every-command.ts'
import { type Parsed, parseCommand } from '../../docs/site/parse-command.ts'
import { commonFlags } from '../core/arguments/common-flags.ts'
import { agentClasses, findAgent } from '../launch/agents.ts'
import { agentHelp } from './agent-help.ts'
import { SHARED } from './help.ts'

const examplesIn = (help: string) => (help.split('\nExamples:\n')[1] ?? '').split('\n').filter(Boolean)

/** Flags of agents, which commands hand on that run them. */
async function agentFlags(): Promise<Set<string>> {
  const helps = await Promise.all(agentClasses.map(async (name) => agentHelp(await findAgent(name))))
  const own = helps.flatMap((help) => help.match(/--[\w-]+/g) ?? [])
  return new Set([...own, ...Object.keys(commonFlags), '--help-args'])
}

/** What an example comes to. */
async function parsed(line: string): Promise<Pick<Parsed, 'ran' | 'unknown'>> {
  const { ran, unknown, code, said } = await parseCommand(line)
  expect([line, code, said]).toEqual([line, 0, ''])
  return { ran, unknown }
}

test('every command’s help has examples of that command, which it understands', async () => {
  const agents = await agentFlags()
  const all = await everyCommand()
  expect(all.length).toBeGreaterThan(60)
  for (const { words } of all) {
    const path = words.join(' ')
    const lines = examplesIn(await helpOf(words))
    expect([path, lines.length > 0]).toEqual([path, true])
    for (const line of lines) {
      const { ran, unknown } = await parsed(line.trim())
      // Of what only has commands beneath it, it is one of those.
      expect([line, path, ran.startsWith(path)]).toEqual([line, path, true])
      const open = ['ctrl start', 'run', 'test', 'agent', 'aggregate', 'record', 'datanode']
      const isOpen = open.some((one) => ran.startsWith(one))
      expect([
        line,
        unknown.filter((flag) => !(isOpen && (agents.has(flag) || ran === 'run' || ran === 'ctrl start'))),
      ]).toEqual([line, []])
    }
  }
})

test('a command’s own flags stand before those that many share, and no line of help cuts an address', async () => {
  let shared = 0
  for (const { words, command } of await everyCommand()) {
    const [own = '', more = ''] = (await helpOf(words)).split(`\n${SHARED}\n`)
    const at = (text: string, flag: string) => new RegExp(`^  (-\\w, )?${flag}\\b`, 'm').test(text)
    for (const { long, hidden, helpGroupHeading } of command.options) {
      if (hidden || long == null) continue
      const isShared = helpGroupHeading === SHARED
      expect([words, long, at(own, long), at(more, long)]).toEqual([words, long, !isShared, isShared])
      if (isShared) shared++
    }
  }
  expect(shared).toBeGreaterThan(200)
})

test('an example that is wrong is found', async () => {
  await expect(parsed('ocs plot')).rejects.toThrow()
  await expect(parsed('ocs status --wacth')).rejects.toThrow()
  await expect(parsed('ocs logs -n many')).rejects.toThrow()
  expect(await parsed('ocs agent --instance-id=ls240 --mdoe=idle')).toEqual({
    ran: 'agent',
    unknown: ['--mdoe'],
  })
})
