/**
 * Which rooms of `src/` each room may import, from the ground up; `*` means all of them. The table of
 * CONTRIBUTING.md says the same in words, and a test compares the two.
 */
export const may: Readonly<Record<string, readonly string[] | '*'>> = {
  core: [],
  machine: ['core'],
  site: ['core'],
  bus: ['core', 'machine'],
  storage: ['core', 'machine'],
  grafana: ['core'],
  scaffold: ['core', 'machine'],
  instrument: ['core', 'machine'],
  // A simulated instrument behaves as the table of the real one says
  // (docs/decisions/0011-instrument-tables.md).
  simulators: ['core', 'machine', 'instrument'],
  principals: ['core', 'machine'],
  broker: ['core', 'machine', 'principals'],
  datanode: ['core', 'machine', 'storage'],
  agents: ['core', 'machine', 'instrument', 'storage'],
  sinks: ['core', 'storage'],
  gateways: ['core'],
  lab: ['core', 'bus'],
  runtime: ['core', 'bus', 'lab', 'machine'],
  programs: ['core', 'runtime', 'machine'],
  terminal: ['core', 'lab'],
  launch: [
    ...[
      'core',
      'machine',
      'site',
      'bus',
      'instrument',
      'simulators',
      'datanode',
      'agents',
      'sinks',
      'gateways',
    ],
    ...['lab', 'runtime', 'programs', 'principals', 'terminal'],
  ],
  host: ['core', 'machine', 'site', 'terminal', 'launch'],
  bridge: ['core', 'machine', 'principals', 'bus', 'grafana', 'lab'],
  check: [
    'core',
    'machine',
    'principals',
    'site',
    'bus',
    'instrument',
    'agents',
    'lab',
    'terminal',
    'launch',
    'host',
  ],
  keeping: [
    ...['core', 'machine', 'principals', 'site', 'storage', 'lab', 'terminal', 'runtime', 'launch', 'host'],
    'check',
  ],
  chaos: ['core', 'machine', 'principals', 'bus', 'storage', 'simulators', 'lab', 'terminal', 'host'],
  demo: ['core', 'machine', 'bus', 'lab', 'terminal', 'host'],
  commands: '*',
  'ocs.ts': ['core', 'principals', 'site', 'lab'],
  bin: ['core', 'machine', 'commands'],
}

/** Rooms that have a line above but no content yet. */
export const reserved: readonly string[] = ['gateways']
