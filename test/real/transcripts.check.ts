/**
 * The pages for people, and the questions: each command that they show is run in the lab of the first hour.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { tryPages } from '../transcripts.ts'
import { figure, ROOT } from './roles.ts'

setDefaultTimeout(1_800_000)

/** In this order: a later page uses what an earlier one has made. */
const PAGES = [
  'first-hour',
  'student',
  'technician',
  'operator',
  'script-writer',
  'agent-writer',
  'administrator',
  'from-the-old-guide',
  'questions',
].map((name) => `docs/${name}.md`)

test('the commands of the pages print what the pages show', async () => {
  const { compared, differ } = await tryPages(ROOT, PAGES)
  figure(`${compared} commands of ${PAGES.length} pages`)
  expect(differ.join('\n')).toBe('')
  expect(compared).toBeGreaterThan(100)
})
