/** What is said of anything thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof TypeError || (error instanceof DOMException && error.name === 'TimeoutError'))
    return 'the bridge is not reached'
  return error instanceof Error ? error.message : String(error)
}
