import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { inspectSite, parseSite } from './site.ts'

/**
 * A site with one instrument and a recorder, and these lines under `alarms:`. The first of them is line 8.
 */
const site = (lines: string) => `hub: {mqtt_server: "mqtt://127.0.0.1:1883"}
hosts:
  localhost:
    agent-instances:
      - {instance-id: ls240, agent-class: Lakeshore240Agent}
      - {instance-id: aggregator, agent-class: AggregatorAgent}
alarms:
${lines}
`
const rule = (keys: string) =>
  site(`  actions: [{name: phone, command: [call]}]\n  rules:\n    - {name: r, ${keys}}`)
const action = (keys: string, more = '') => site(`  actions:\n    - {name: a, ${keys}}\n${more}  rules: []`)
const mail = (keys: string) => site(`  rules: []\n  mail: {${keys}}`)
const limit = 'kind: limit, field: ls240.temperatures.T, high: 5'

test('rules, actions and a mail server, with what is not written filled in', () => {
  const { alarms } = parseSite(
    site(`  mail: {server: "smtp://mail.yale.test:587", from: ocs@yale.test, user: ocs, password_file: /etc/ocs/mail}
  actions:
    - {name: people, email: maya@yale.test, clear: yes}
    - {name: chat, webhook: "https://chat.yale.test/hooks/x", timeout: 5}
    - name: phone
      command: ["/usr/local/bin/call", "007"]
  rules:
    - {name: warm, kind: limit, field: ls240.temperatures.Channel_1_T, high: 5, clear_high: 4.5, delay: 60, latch: true}
    - {name: rises, kind: rate, field: "ls240.temperatures.Channel_?_T", high: 2, severity: warning, actions: [chat]}
    - {name: quiet, kind: stale, field: "*.Channel_*_T", after: 120, message: Is the 240 on?}
    - {name: acq, kind: op, op: ls240.acq, states: [degraded, idle]}
    - {name: lost, kind: agent, agent: "*"}
    - {name: recorder, kind: recorder, rows: 1000, seconds: 60}
    - {name: disk, kind: disk, free_gb: 20, clear_gb: 25}
    - {name: spool, kind: spool, agent: "*", rows: 100000}`),
    'lab.yaml',
  )
  expect(alarms?.mail?.server).toBe('smtp://mail.yale.test:587')
  expect(alarms?.actions).toEqual([
    { name: 'people', email: ['maya@yale.test'], clear: true, timeout: 30 },
    { name: 'chat', webhook: 'https://chat.yale.test/hooks/x', clear: false, timeout: 5 },
    { name: 'phone', command: ['/usr/local/bin/call', '007'], clear: false, timeout: 30 },
  ])
  expect(alarms?.rules.map(({ kind, delay }) => [kind, delay])).toEqual([
    ['limit', 60],
    ['rate', 0],
    ['stale', 0],
    ['op', 30],
    ['agent', 30],
    ['recorder', 60],
    ['disk', 0],
    ['spool', 60],
  ])
  expect(alarms?.rules[1]).toMatchObject({ window: 60, severity: 'warning', latch: false, actions: ['chat'] })
  expect(parseSite(site('').replace('alarms:', ''), 'lab.yaml').alarms).toBeUndefined()
})

/** A faulty section, the line of the fault, and words of the message. */
const broken: readonly (readonly [text: string, line: number, says: string])[] = [
  [site('  rules: [{name: x}]'), 8, 'no "kind" in a rule: one of limit, rate, stale'],
  [site('  ruls: []'), 8, 'unknown key "ruls" in alarms: did you mean "rules"?'],
  [site('  actions: []'), 7, 'no "rules" in alarms'],
  [site('  rules: {a: b}'), 8, 'rules takes a list, not keys'],
  [site('  rules: [warm]'), 8, 'a rule takes keys with values, not "warm"'],
  [rule('kind: limt, field: x'), 10, 'no rule of kind "limt": did you mean "limit"?'],
  [
    rule('kind: limit, feild: ls240.temperatures.T, high: 5'),
    10,
    'unknown key "feild" in a rule of kind limit: did you mean "field"?',
  ],
  [rule('kind: limit, high: 5'), 10, 'no "field" in a rule of kind limit'],
  [rule('kind: limit, field: ls240.temperatures.T'), 10, 'no limit: give low, high or both'],
  [rule('kind: limit, field: ls240.temperatures.T, high: warm'), 10, 'high takes a number, given "warm"'],
  [rule('kind: limit, field: ls240.temperatures.T, high: [5, 6]'), 10, 'high takes one value'],
  [
    rule('kind: limit, field: ls240.temperatures.T, high: {a: b}'),
    10,
    'high takes a word or a list of words, not keys',
  ],
  [rule('kind: limit, field: ls240.temperatures.T, high: 5, low: 6'), 10, 'low takes less than high, 5'],
  [
    rule('kind: limit, field: ls240.temperatures.T, high: 5, clear_high: 6'),
    10,
    'clear_high takes high, 5, or less',
  ],
  [
    rule('kind: limit, field: ls240.temperatures.T, low: 5, clear_low: 4'),
    10,
    'clear_low takes low, 5, or more',
  ],
  [rule('kind: limit, field: ls240.temperatures.T, low: 5, clear_high: 4'), 10, 'clear_high without high'],
  [
    rule('kind: limit, field: ls240.temperatures.T, low: 1, high: 5, clear_low: 4, clear_high: 3'),
    10,
    'so the alarm could never clear',
  ],
  [rule('kind: limit, field: ls240.T, high: 5'), 10, 'field takes INSTANCE.FEED.FIELD'],
  [
    rule('kind: limit, field: ls241.temperatures.T, high: 5'),
    10,
    'no instance "ls241" in this file: did you mean "ls240"?',
  ],
  [rule('kind: agent, agent: fridge'), 10, 'no instance "fridge" in this file: there are ls240, aggregator'],
  [rule('kind: op, op: ls240'), 10, 'op takes INSTANCE.OPERATION'],
  [rule('kind: op, op: ls240.acq, states: [faild]'), 10, 'states'],
  [rule('kind: stale, field: ls240.temperatures.T'), 10, 'no "after" in a rule of kind stale'],
  [rule('kind: stale, field: ls240.temperatures.T, after: 0'), 10, 'after'],
  [rule('kind: rate, field: ls240.temperatures.T, high: 1, window: 1'), 10, 'window'],
  [rule('kind: disk, free_gb: 5, folder: /data, agent: aggregator'), 10, 'keep one of them'],
  [rule('kind: disk, free_gb: 5, clear_gb: 4'), 10, 'clear_gb takes free_gb, 5, or more'],
  [rule('kind: spool, agent: ls240, rows: 5, clear_rows: 6'), 10, 'clear_rows takes at most rows, 5'],
  [rule(`${limit}, severity: alrm`), 10, 'severity: one of warning, alarm, given "alrm"'],
  [rule(`${limit}, delay: -1`), 10, 'delay'],
  [rule(`${limit}, latch: perhaps`), 10, 'latch takes true or false, given "perhaps"'],
  [rule(`${limit}, actions: [phne]`), 10, 'no action "phne": did you mean "phone"?'],
  [rule(limit).replace('name: r', 'name: a b'), 10, 'name: letters, digits, _ and -'],
  [rule(`${limit}}\n    - {name: r, ${limit}`), 11, 'name "r" is taken: line 10 has it already'],
  [action('comand: [x]'), 9, 'unknown key "comand" in an action: did you mean "command"?'],
  [action('clear: yes'), 9, 'it has no action: give command, email or webhook'],
  [action('command: [x], webhook: "http://a/"'), 9, 'command and webhook are two actions'],
  [action('webhook: "ftp://a/"'), 9, 'http://… or https://…'],
  [action('email: maya'), 9, 'an e-mail address'],
  [action('email: maya@yale.test'), 9, 'no mail server'],
  [mail('server: mail.yale.test, from: a@b'), 9, 'smtp://HOST[:PORT]'],
  [
    mail('server: "smtp://ocs:secret@mail.yale.test", from: a@b'),
    9,
    'no name in it: give user and password_file',
  ],
  [mail('server: "smtp://mail.yale.test"'), 9, 'no "from" in mail'],
  [mail('server: "smtp://mail.yale.test", from: a@b, password: x'), 9, 'unknown key "password" in mail'],
  [
    mail('server: "smtp://mail.yale.test", from: a@b, user: ocs'),
    9,
    'no password: give password_file or password_env',
  ],
]

test.each(broken)('one fault, told once with its line and what to do: %j', (text, line, says) => {
  const { problems } = inspectSite(text, 'lab.yaml')
  expect(problems).toHaveLength(1)
  expect(problems[0]).toStartWith(`lab.yaml:${line}:`)
  expect(problems[0]).toContain(says)
})

test('faults of several rules are told together; what cannot be known of a broken file is not guessed', () => {
  const { problems } = inspectSite(
    rule(`${limit}, dely: 5}\n    - {name: s, kind: agent, agent: ls420`).replace(
      'instance-id: ls240',
      'instanc-id: ls240',
    ),
    'lab.yaml',
  )
  expect(problems.map((text) => text.split(':')[1])).toEqual(['5', '10'])
})

test('what the page about alarms says to paste is right', () => {
  const page = readFileSync('docs/alarms.md', 'utf8')
  const example = readFileSync('fixtures/sites/alarms.yaml', 'utf8')
  expect(inspectSite(example, 'alarms.yaml').problems).toEqual([])
  const base = example.split('\nalarms:')[0] ?? ''
  const more = '      - {instance-id: control, agent-class: Lakeshore372Agent}\n'
  const pasted = [...page.matchAll(/^( *)```yaml\n(.*?)^ *```/gms)].map(([, indent = '', text = '']) =>
    text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  )
  expect(pasted).toHaveLength(5)
  for (const text of pasted) {
    const found = inspectSite(
      text.startsWith('alarms:')
        ? `${base}\n${more}${text}`
        : `${base}\n${text.replace(': alarms', ': more')}`,
      'page',
    )
    expect(found.problems).toEqual([])
  }
})
