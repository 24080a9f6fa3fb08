import { join } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import { newKeyText, type RecorderKey, recorderKey } from '../core/recording/recorder-key.ts'
import { privateText, readPrivate } from './private-file.ts'

/**
 * In the folder of a lab's spools and sessions (`STATE/ROOT`), so that recorders and agents of one account
 * share it.
 */
const FILE = 'recorder.key'

/**
 * The key of the recorders with this state folder; undefined if none has run.
 * @throws Error when it is damaged
 */
export function knownRecorderKey(folder: string): RecorderKey | undefined {
  const path = join(folder, FILE)
  const text = readPrivate(path)
  return text === undefined ? undefined : keyOf(path, text)
}

/**
 * The key that a recorder signs with, made at the first call and stored permanently. Undefined while it
 * cannot be stored: after signing with a key that is lost at a restart, agents would trust no later one.
 */
export function ownRecorderKey(folder: string, log: (text: string) => void): () => RecorderKey | undefined {
  const path = join(folder, FILE)
  let key: RecorderKey | undefined
  let told = false
  return () => {
    try {
      key ??= keyOf(path, privateText(path, newKeyText))
    } catch (error) {
      if (!told) log(`nothing is acknowledged, so agents keep their rows: ${messageOf(error)}`)
      told = true
    }
    return key
  }
}

function keyOf(path: string, text: string): RecorderKey {
  try {
    return recorderKey(text)
  } catch (cause) {
    const advice =
      'restore a copy, or delete it: the recorder then makes a new key, which agents on other machines must be told to trust'
    throw new ConfigError(`${path} is damaged: ${advice} (ocs spool trust)`, { cause })
  }
}
