import { expect, test } from 'bun:test'
import { closeSync, openSync } from 'node:fs'
import { isNull } from './null-device.ts'

test('what goes to /dev/null is told from what goes elsewhere', () => {
  for (const [path, isSo] of [
    ['/dev/null', true],
    ['/dev/zero', false],
    [import.meta.path, false],
  ] as const) {
    const fd = openSync(path, 'r')
    expect(isNull(fd)).toBe(isSo)
    closeSync(fd)
    expect(isNull(fd)).toBe(false)
  }
})
