/** Longest wait for a goodbye, ms. */
const GOODBYE_MS = 300

/** Waits for a goodbye to the hub for a short time: the answer may be slow or never come. */
export async function awaitGoodbye(goodbye: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, GOODBYE_MS)
  await Promise.race([goodbye, late.promise])
  clearTimeout(timer)
}
