import manifest from '../../package.json' with { type: 'json' }

/** The version of `ocs`, as presence and `--version` say it. */
export const version: string = manifest.version
export const description: string = manifest.description
