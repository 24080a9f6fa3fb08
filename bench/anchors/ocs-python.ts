import { type Anchor, venv } from './anchor.ts'

const { install, versions, python } = venv('ocs', ['ocs==0.12.1', 'so3g'])

/** The Python that has ocs 0.12.1 and so3g. */
export const PYTHON = python

/** OCS, with the so3g with which its recorder writes files. */
export const ocsPython: Anchor = {
  name: 'OCS',
  install,
  version: () => versions('ocs', 'so3g', 'autobahn', 'Twisted'),
}
