import { afterEach, expect, mock, spyOn, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { groupId } from './unix-group.ts'

afterEach(() => {
  mock.restore()
})

test('a group that this account is not of is told, with what makes it one; root may give files to any', () => {
  const [name = '', , id = ''] =
    spawnSync('getent', ['group'], { encoding: 'utf8' }).stdout.split('\n')[0]?.split(':') ?? []
  const as = (uid: number, groups: number[]) => {
    spyOn(process, 'getuid').mockReturnValue(uid)
    spyOn(process, 'getegid').mockReturnValue(12_345)
    spyOn(process, 'getgroups').mockReturnValue(groups)
    return groupId(name)
  }
  expect(as(12_345, [Number(id)])).toBe(Number(id))
  expect(as(0, [])).toBe(Number(id))
  expect(() => as(12_345, [])).toThrow(`not in the group ${name}`)
  expect(() => groupId('no-such-group')).toThrow('sudo groupadd no-such-group')
})
