import { type Anchor, venv } from './anchor.ts'

const { install, versions } = venv('socs', ['ocs==0.12.1', 'socs==0.6.4'])

/**
 * socs, the field's agents of instruments, in an environment of its own, as its container image has it: it brings
 * numpy into every process that speaks WAMP.
 */
export const socs: Anchor = {
  name: 'socs',
  install,
  version: () => versions('socs', 'ocs', 'autobahn', 'Twisted'),
}
