/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof TypeError || (error instanceof DOMException && error.name === 'TimeoutError'))
    return 'cannot reach the bridge'
  return error instanceof Error ? error.message : String(error)
}
