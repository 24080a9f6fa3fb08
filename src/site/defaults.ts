/** Values of OCS's examples and this project's, used when a site file does not set them. */
export const defaults = { wamp_realm: 'test_realm', address_root: 'observatory' } as const
