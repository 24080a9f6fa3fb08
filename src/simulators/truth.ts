import { closeSync, openSync, writeSync } from 'node:fs'
import { ConfigError, messageOf } from '../core/errors.ts'

/** One number that a simulator has sent. */
export interface Reading {
  channel: number | 'A'
  quantity: 'kelvin' | 'celsius' | 'fahrenheit' | 'sensor' | 'power' | 'quadrature'
  /** Exactly the number in the reply. */
  value: number
}

/** The record of what was sent, for tests to compare with. */
interface Truth {
  /**
   * Appends readings, one JSON line `{t, channel, quantity, value}` each; `t` is UTC in s, just before the
   * first byte is sent.
   */
  record(t: number, readings: readonly Reading[]): void
  close(): void
}

/**
 * Opens a truth log for appending; without a path nothing is recorded. Lines are written at once, so they
 * survive a kill.
 * @throws ConfigError if the file cannot be written
 */
export function openTruth(path: string | undefined): Truth {
  if (path === undefined) return { record: () => {}, close: () => {} }
  let file: number
  try {
    file = openSync(path, 'a')
  } catch (error) {
    throw new ConfigError(`truth log ${path} cannot be written: ${messageOf(error)}`, { cause: error })
  }
  return {
    record(t, readings) {
      for (const reading of readings) writeSync(file, `${JSON.stringify({ t, ...reading })}\n`)
    },
    close: () => closeSync(file),
  }
}
