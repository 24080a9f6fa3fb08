/** What the benches import of the product; all else they start as its users do. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectMqtt, reached } from '../src/bus/mqtt.ts'
import { type Caller, caller } from '../src/runtime/client.ts'
import { ROOT } from '../test/real/roles.ts'

/** The version of an installed package. */
export function packageVersion(name: string): string {
  const file = join(ROOT, 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** A client that asks agents. */
export async function connectCaller(
  url: string,
  client: string,
): Promise<{ readonly ask: Caller; end(): Promise<void> }> {
  const bus = connectMqtt({ url, client })
  await reached(bus, url, 10)
  const ask = await caller(bus, 'observatory')
  return {
    ask,
    async end() {
      await ask[Symbol.asyncDispose]()
      await bus[Symbol.asyncDispose]()
    },
  }
}
