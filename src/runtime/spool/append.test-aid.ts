/** Appends to a spool as fast as requested, and prints each row that is on disk: `EPOCH SEQ N`. */

import { count, counts } from '../counts.test-aid.ts'
import { Spool } from './spool.ts'

const [path = '', epoch = ''] = process.argv.slice(2)
const spool = new Spool(path)
spool.listen(
  (_, rows) =>
    process.stdout.write(
      rows.map(({ row: { seq, data } }) => `${epoch} ${seq} ${data['n']?.[0]}\n`).join(''),
    ),
  (text) => process.stderr.write(`${text}\n`),
)
let n = 0
setInterval(() => {
  for (let i = 0; i < 10; i++) spool.append('counts', counts, count(epoch, ++n))
}, 3)
