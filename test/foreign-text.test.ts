import { expect, test } from 'bun:test'
import { PROGRAM } from '../src/host/children.ts'
import { prefixed } from '../src/host/up-output.ts'
import { createLog } from '../src/terminal/log.ts'
import { Redraw } from '../src/terminal/redraw.ts'

/** A title, a colour, C1, bidi, a cleared screen. */
const FOREIGN = 'a\x1b]0;title\x07\x1b[31m\u009b2J\u202e\x1b[2Jz'
const SHOWN = 'a\\u001b]0;title\\u0007\\u001b[31m\\u009b2J\\u202e\\u001b[2Jz'

test('what others have written leaves the program as text that a terminal only shows', () => {
  const { stderr } = Bun.spawnSync([...PROGRAM, FOREIGN])
  expect(String(stderr)).toContain(SHOWN)
  expect(String(stderr)).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u)
})

test('so it is within lines that are drawn over, in lines of roles, and in logs', () => {
  let drawn = ''
  const draw = (text: string) => {
    drawn += text
  }
  const context = { draw, out: draw, err: draw, size: () => ({ columns: 200, rows: 20 }) }
  new Redraw(context).draw([FOREIGN])
  expect(drawn).toBe(`${SHOWN}\x1b[K\n\x1b[J`)
  drawn = ''
  prefixed({ ...context, terminal: true, env: {}, signal: new AbortController().signal })('ls240', FOREIGN)
  expect(drawn).toEndWith(`\x1b[0m ${SHOWN}\n`)
  drawn = ''
  createLog(context, 'text')(FOREIGN, { bare: true })
  expect(drawn).toBe(`${SHOWN}\n`)
})
