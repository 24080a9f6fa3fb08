/** The order in which a Python agent writes to a slow runtime: rows first (python/ocs_child/pipe.py). */
import { expect, test } from 'bun:test'
import { join } from 'node:path'

const SCRIPT = `
import json, os, sys
sys.path.insert(0, sys.argv[1])
from ocs_child.pipe import Pipe
ends, into = os.pipe()
pipe = Pipe(os.fdopen(into, 'wb'), None)
# The pipe holds a part of it, and nobody reads.
for number in range(100):
    pipe.send(message=number, pad='x' * 10_000)
pipe.declare(declared='counts')
pipe.hand_over(feed='counts', t=[1])
pipe.send(message=100)
pipe.hand_over(feed='counts', t=[2])
pipe.send_lines('{"message": 101}', '{"message": 102}')
lines = (json.loads(line) for line in os.fdopen(ends))
print(json.dumps([{key: line[key] for key in ('message', 'declared', 'row') if key in line}
                  for _, line in zip(range(106), lines)]))
`

test('rows and what they need go before all else that waits for a slow runtime, each whole and in its order', async () => {
  const run = Bun.spawn(['python3', '-c', SCRIPT, join(import.meta.dir, '..', 'python')], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const lines = JSON.parse(await run.stdout.text()) as { message?: number; row?: number; declared?: string }[]
  const messages = lines.flatMap(({ message }) => (message === undefined ? [] : [message]))
  expect(messages).toEqual(Array.from({ length: 103 }, (_, i) => i))
  const at = lines.findIndex(({ declared }) => declared === 'counts')
  expect(lines.slice(at, at + 3)).toEqual([{ declared: 'counts' }, { row: 1 }, { row: 2 }])
  // The lines that the pipe held, and the one that had begun.
  expect(at).toBeLessThan(50)
})
