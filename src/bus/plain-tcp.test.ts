import { expect, test } from 'bun:test'
import { join } from 'node:path'

/** The transports that mqtt.js has loaded for a client of an address, in a separate process. */
async function ways(url: string): Promise<string[]> {
  const script = `
    const { connectMqtt } = await import(${JSON.stringify(join(import.meta.dir, 'mqtt.ts'))})
    connectMqtt({ url: ${JSON.stringify(url)}, client: 'me' })
    console.log(Object.keys(require.cache).join('\\n'))
    process.exit(0)`
  const child = Bun.spawn([process.execPath, '--no-install', '-e', script], { stdout: 'pipe' })
  const files = (await child.stdout.text()).split('\n')
  return files.flatMap((file) => /\/mqtt\/build\/lib\/connect\/(\w+)\.js$/.exec(file)?.[1] ?? []).sort()
}

test('plain TCP takes neither TLS nor WebSocket; an address among several that needs them has them', async () => {
  expect(await ways('mqtt://127.0.0.1:1')).toEqual(['index'])
  const all = ['index', 'socks', 'tcp', 'tls', 'ws']
  expect(await ways('ws://127.0.0.1:1/ws')).toEqual(all)
  expect(await ways('mqtt://127.0.0.1:1,mqtts://127.0.0.1:2')).toEqual(all)
})
