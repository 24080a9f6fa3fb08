/** Milliseconds that saying goodbye may take. */
const GOODBYE_MS = 300

/** Waits for a goodbye to the hub, but not for long: it may be long in coming, or never come. */
export async function awaitGoodbye(goodbye: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, GOODBYE_MS)
  await Promise.race([goodbye, late.promise])
  clearTimeout(timer)
}
