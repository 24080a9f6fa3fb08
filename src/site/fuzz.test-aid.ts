import { readFileSync } from 'node:fs'
import type { Random } from '../../test/random.ts'

const BITS = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ' ',
  '\n',
  '\t',
  '- ',
  '? ',
  '&a ',
  '*a ',
  '!x ',
  '"',
  "'",
  '#',
  '\0',
  '0',
  '<<: ',
  'é',
]

/** Makes a source of damaged site files: pieces inserted, removed and duplicated. */
export function spoiltSites(random: Random): () => string {
  const texts = ['yale', 'demo', 'socs'].map((name) => readFileSync(`fixtures/sites/${name}.yaml`, 'utf8'))
  return () => {
    let text = random.pick(texts)
    for (let edit = 0; edit <= random() * 4; edit++) {
      const from = random.below(text.length)
      const to = random() < 0.5 ? from : from + random.below(20)
      const put = random() < 0.3 ? text.slice(to, to * 2 - from) : random.pick(BITS)
      text = text.slice(0, from) + put + text.slice(to)
    }
    return text
  }
}
