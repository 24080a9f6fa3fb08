import { afterEach } from 'bun:test'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

/** Has something closed when the test is over, what was opened last first. */
export function atEnd(close: () => unknown): void {
  open.push(close)
}
