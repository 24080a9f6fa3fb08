/** What OCS's examples and this project's use, where a site file says nothing else. */
export const defaults = { wamp_realm: 'test_realm', address_root: 'observatory' } as const
