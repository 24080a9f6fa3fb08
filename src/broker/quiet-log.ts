/**
 * A log that writes the same line at most once in ten minutes, so that a client that retries again and again
 * does not fill it, and in which foreign text cannot begin a line.
 */
export function quietly(log: (text: string) => void): (text: string) => void {
  const said = new Map<string, number>()
  return (text) => {
    const now = performance.now()
    // The port of an address differs at each attempt.
    const key = text.replaceAll(/:\d+ /g, ' ')
    if (now - (said.get(key) ?? Number.NEGATIVE_INFINITY) < 600_000) return
    if (said.size >= 1000) said.clear()
    said.set(key, now)
    log(text.replaceAll(/\p{Cc}/gu, '?'))
  }
}
