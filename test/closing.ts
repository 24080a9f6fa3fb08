import { afterEach } from 'bun:test'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

/** Closes something when the test is over, in reverse order of opening. */
export function atEnd(close: () => unknown): void {
  open.push(close)
}
