import { expect, test } from 'bun:test'
import { foreignRights, mosquittoAcl, natsAccounts } from './foreign-rights.ts'
import { type Caller, mayReceive, refusePublish, rolesOf } from './rules.ts'

const root = 'observatory'
const lab = { name: 'lab', instances: ['ls240', 'aggregator'], records: true }
const other = { name: 'other', instances: ['ls372'], records: false }

/** A topic that matches a filter. */
const example = (filter: string) =>
  filter
    .replace('/ops/+/+/+', '/ops/acq/start/ctrl')
    .replace('/queries/+/+', '/queries/history/ctrl')
    .replace('/replay/+', '/replay/ctrl')
    .replaceAll('+', 'x1')

test('what a user may publish is what our hub lets its instances, or its operators, publish', () => {
  for (const user of [lab, other]) {
    const callers: Caller[] = user.instances.map((id) => ({
      id,
      roles: rolesOf({ name: 'me', role: 'owner' } as never, id, ['aggregator']),
    }))
    callers.push({
      id: 'ctrl',
      roles: rolesOf({ name: 'me', role: 'owner' } as never, 'ctrl', ['aggregator']),
    })
    const { publish, receive } = foreignRights(root, user)
    for (const filter of publish.filter((one) => !one.includes('/drains/'))) {
      const sent = { topic: example(filter), qos: 1, retain: false }
      const why = callers.map((caller) => refusePublish(root, caller, sent))
      expect(`${filter}: ${why.includes(undefined)}`).toBe(`${filter}: true`)
    }
    for (const filter of receive)
      expect(callers.some((caller) => mayReceive(caller, example(filter)))).toBe(true)
  }
})

test('nobody but its own user speaks for an instance, and only the recorder’s acknowledges', () => {
  const { publish, receive } = foreignRights(root, other)
  expect(publish.filter((one) => /ls240|aggregator|\/ack\//.test(one))).toEqual([])
  expect(receive.filter((one) => /ls240|aggregator|replies|audit|refused|login/.test(one))).toEqual([])
  expect(foreignRights(root, lab).publish).toContain('observatory/+/ack/+')
})

test('an ACL of Mosquitto: users, then what goes to each client by its id', () => {
  const text = mosquittoAcl(root, [lab, { ...other, name: undefined }])
  // Lines before the first user apply to clients without a name.
  expect(text).toStartWith('topic write observatory/ls372/presence\n')
  expect(text).toContain('\nuser lab\ntopic write observatory/ls240/presence\n')
  expect(text).toEndWith(
    'pattern read observatory/+/replies/%c/+\npattern read observatory/+/replayed/%c/+\n',
  )
})

test('accounts of NATS', () => {
  const text = natsAccounts(root, [lab])
  expect(text).toContain('{ user: "lab", password: $OCS_PASSWORD_LAB, permissions: {')
  expect(text).toContain('"observatory.ls240.ops.*.session"')
  expect(text).toContain('"observatory.*.replies.*.*"')
})
