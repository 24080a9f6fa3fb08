import { parseBounded } from '../core/wire.ts'

/** The JSON object in a message; undefined if it is not an object, or nested too deep. */
export function objectIn(payload: string | Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const found = parseBounded(Buffer.from(payload as Uint8Array).toString())
    return typeof found === 'object' && found !== null && !Array.isArray(found)
      ? (found as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
