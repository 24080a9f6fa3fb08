/** An instance that a site file says is to be up. */
export interface Expected {
  readonly instance: string
  readonly agentClass: string
  /** The host whose it is, as the site file calls it. */
  readonly host: string
  /** Why it is left out, where it is. */
  readonly why?: string | undefined
}
