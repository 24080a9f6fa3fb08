import mqtt, { type MqttClient } from 'mqtt'

/** A recorder's status, published once a second. */
interface RecordSession {
  readonly data?: {
    readonly behind: number
    readonly providers: Readonly<Record<string, { sessid: string; seq: number; recorded: number }>>
  }
}

/** A client that watches feeds live, and the recorder's status. */
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

  /** Delays from a reading to its arrival here, ms, since the last call. */
  take(): number[] {
    const taken = this.#lags
    this.#lags = []
    return taken
  }

  /**
   * Whether the recorder has synced everything except the last second of every agent, including earlier rows.
   */
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
