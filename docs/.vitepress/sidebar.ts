/**
 * What stands beside each page of the site: who it is for, and their pages in the order in which questions come. A page is
 * named by its file beneath `docs/`, without `.md`; a test says which page is in no group. A link is `/` and its page.
 */
export interface Group {
  readonly text: string
  readonly pages: readonly (readonly [page: string, text: string])[]
}

export const sidebar: readonly Group[] = [
  {
    text: 'The first hour',
    pages: [
      ['readme', 'What ocs is'],
      ['first-hour', 'A first hour'],
      ['user-guide', 'User guide'],
      ['questions', 'Questions and answers'],
    ],
  },
  {
    text: 'Coming from OCS',
    pages: [
      ['from-the-old-guide', 'From the old guide'],
      ['migration', 'Moving a lab'],
    ],
  },
  {
    text: 'At the instrument',
    pages: [
      ['student', 'For a student'],
      ['live-page', 'The live page'],
      ['nothing-lost', 'Nothing is lost'],
    ],
  },
  {
    text: 'For operators',
    pages: [
      ['operator', 'Start, watch, hand over'],
      ['alarms', 'Alarms'],
      ['grafana', 'Grafana'],
    ],
  },
  {
    text: 'For technicians',
    pages: [
      ['technician', 'Cables, ports, swaps'],
      ['agents', 'Agents and their wiring'],
      ['foreign-sensors', 'Sensors of others'],
      ['differences', "Where agents differ from socs'"],
    ],
  },
  {
    text: 'For script and agent writers',
    pages: [
      ['script-writer', 'Scripts: which way'],
      ['agent-writer', 'Agents: which way'],
      ['instruments', 'An instrument as a table'],
      ['python-agents', 'Agents in Python'],
      ['contributing', 'Contributing'],
    ],
  },
  {
    text: 'For administrators',
    pages: [
      ['administrator', 'From install to upgrade'],
      ['running', 'Running a host'],
      ['security', 'Users, TLS and rights'],
      ['keeping', 'Backup, updates, reports'],
      ['archive', 'Recordings elsewhere'],
      ['databases', 'Databases'],
      ['brokers', 'Brokers of others'],
      ['several-sites', 'Several sites'],
      ['scale', 'How large'],
      ['performance', 'What it costs'],
    ],
  },
  {
    text: 'Reference',
    pages: [
      ['commands', 'Commands'],
      ['protocol', 'Protocol'],
      ['decisions/index', 'Decisions'],
      ['pains', 'What hurt in OCS'],
      ['changelog', 'Changes'],
    ],
  },
]

/** Folders with many pages of a kind: beside each of these stand the others of its folder. */
export const folders: readonly { readonly text: string; readonly folder: string }[] = [
  { text: 'Every agent', folder: 'agents' },
  { text: 'Every command', folder: 'commands' },
  { text: 'Decisions', folder: 'decisions' },
]
