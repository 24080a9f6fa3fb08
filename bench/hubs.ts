import { join } from 'node:path'
import { crossbar, startCrossbar } from './anchors/crossbar.ts'
import { mosquitto, startMosquitto } from './anchors/mosquitto.ts'
import { nats, startNats } from './anchors/nats.ts'
import { ocsPython } from './anchors/ocs-python.ts'
import type { Bencher, Figures, Hub, Measure, Sides } from './bench.ts'
import { Pair } from './clients/pair.ts'
import { type BenchLab, freePort } from './lab.ts'

/** The product's hub on free ports: the sources under Bun, or a release. @param flags additional flags */
export async function startHub(lab: BenchLab, released = false, flags: readonly string[] = []): Promise<Hub> {
  const [port, websocket] = [await freePort(), await freePort()]
  const listen = ['--listen', `127.0.0.1:${port}`, '--listen-ws', `127.0.0.1:${websocket}`]
  const args = ['hub', ...listen, ...flags]
  const running = released ? lab.launch('hub', args) : lab.start('hub', args)
  await running.says('listening on ws://', 40)
  return { url: `mqtt://127.0.0.1:${port}`, running }
}

/** The same over TLS, from the sources. */
export async function startTlsHub(lab: BenchLab): Promise<Hub> {
  const port = await freePort()
  const program = join(import.meta.dir, 'clients', 'tls-hub.ts')
  const running = lab.program('tls-hub', [process.execPath, program, String(port), lab.path('state')])
  await running.says('ready', 40)
  return { url: `mqtts://127.0.0.1:${port}`, running }
}

/** The hubs under test, and the Python that talks to crossbar. */
export const hubAnchors = [crossbar, mosquitto, nats, ocsPython]
const starts = {
  ocs: (lab: BenchLab) => startHub(lab, true),
  crossbar: startCrossbar,
  Mosquitto: startMosquitto,
  NATS: startNats,
}

interface Load {
  readonly acknowledged?: boolean
  readonly listeners?: number
  /** Measures one exchange on a hub. */
  readonly measure: (name: string, pair: Pair, hub: Hub) => Promise<Figures>
}

/** Starts every available hub with its clients, and measures them in turn. */
export async function eachHub(bench: Bencher, { measure, ...options }: Load): Promise<Sides> {
  const here = {
    ocs: true,
    crossbar: bench.has(crossbar) && bench.has(ocsPython),
    Mosquitto: bench.has(mosquitto),
    NATS: bench.has(nats),
  }
  const sides: Record<string, Measure> = {}
  for (const name of ['ocs', 'crossbar', 'Mosquitto', 'NATS'] as const) {
    if (!here[name]) continue
    const hub = await starts[name](bench.lab)
    const pair = await Pair.start({ lab: bench.lab, hub, wamp: name === 'crossbar', ...options })
    // The first messages find nothing compiled.
    await pair.exchange(bench.size(name === 'crossbar' ? 2000 : 10_000, 50))
    sides[name] = () => measure(name, pair, hub)
  }
  return bench.interleave(sides)
}
