import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'

/** Writes a file as a whole: Grafana looks at any time. @throws ConfigError when it cannot be written */
export function writeWhole(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  } catch (cause) {
    throw new ConfigError(
      `${path} cannot be written: ${messageOf(cause)}: choose another folder with --out`,
      {
        cause,
      },
    )
  }
}
