import mqtt, { type MqttClient } from 'mqtt'

/** What a recorder says of itself once a second. */
interface RecordSession {
  readonly data?: {
    readonly behind: number
    readonly providers: Readonly<Record<string, { sessid: string; seq: number; recorded: number }>>
  }
}

/** A client that watches feeds live, and what the recorder says of itself. */
export class Live implements AsyncDisposable {
  readonly #client: MqttClient
  #lags: number[] = []
  #session: RecordSession = {}

  private constructor(client: MqttClient) {
    this.#client = client
  }

  static async watch(url: string): Promise<Live> {
    const live = new Live(
      await mqtt.connectAsync(url, { clientId: 'watcher', protocolVersion: 4, keepalive: 30 }),
    )
    live.#client.on('message', (topic, payload) => {
      const now = performance.timeOrigin + performance.now()
      const message = JSON.parse(payload.toString())
      if (topic.endsWith('/session')) live.#session = message as RecordSession
      else live.#lags.push(now - 1000 * ((message as { t: number[] }).t[0] ?? 0))
    })
    await live.#client.subscribeAsync(
      ['observatory/+/feeds/+', 'observatory/aggregator/ops/record/session'],
      {
        qos: 1,
      },
    )
    return live
  }

  /** From a reading to its arrival here, ms, of those since the last time. */
  take(): number[] {
    const taken = this.#lags
    this.#lags = []
    return taken
  }

  /** Whether the recorder has synced all but the last second of every agent, and all from before. */
  caughtUp(agents: number, hertz: number): boolean {
    const { behind = Infinity, providers = {} } = this.#session.data ?? {}
    const live = Object.values(providers).filter(({ sessid }) => sessid !== 'away')
    return (
      live.length === agents &&
      behind <= agents * hertz &&
      live.every(({ seq, recorded }) => seq - recorded <= hertz)
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync(true)
  }
}
