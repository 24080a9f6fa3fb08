import manifest from '../../package.json' with { type: 'json' }

/** The version of `ocs`, as in presence and `--version`. */
export const version: string = manifest.version
export const description: string = manifest.description
