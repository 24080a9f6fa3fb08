import type { IClientOptions, MqttClient } from 'mqtt'
import { CONNACK } from '../core/errors.ts'
import { fairTimers, OPEN_MS, type Patience, spread } from './patience.ts'
import type { Servers } from './servers.ts'

/** What mqtt.js is started with to wait as long as a patience says. */
export function patientSettings(patience: Patience): IClientOptions {
  const timers = fairTimers(() => patience.late())
  // mqtt.js takes what has these two functions, and says less in its types.
  return { ...timesOf(patience), timerVariant: timers as unknown as 'auto' }
}

function timesOf(patience: Patience): IClientOptions {
  return { keepalive: patience.keepalive, connectTimeout: patience.answerMs }
}

/** Has a client wait for its hub, and between attempts, as long as its patience says. */
export function waitPatiently(client: MqttClient, patience: Patience, servers: Servers): void {
  /** Whether the hub's host has taken the connection. */
  let isOpen = false
  /** Whether it is known why this attempt failed. */
  let isAnswered = false
  let opening: Timer | undefined
  const pause = () => {
    client.options.reconnectPeriod = spread(Math.max(servers.pauseMs, patience.pauseMs))
  }
  const begun = () => {
    isOpen = false
    isAnswered = false
    const { stream } = client
    clearTimeout(opening)
    stream.once('connect', () => {
      isOpen = true
      clearTimeout(opening)
    })
    // A host that is away is asked anew: once it is back the system's own attempt may wait for long.
    opening = setTimeout(() => {
      if (!client.connected && !isOpen)
        stream.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }))
    }, OPEN_MS)
    pause()
  }
  begun()
  client.on('packetsend', ({ cmd }) => cmd === 'connect' && begun())
  client.on('reconnect', () => Object.assign(client.options, timesOf(patience)))
  client.on('connect', () => {
    clearTimeout(opening)
    patience.joined(performance.now())
  })
  client.on('error', (error) => {
    const { code } = error as { code?: number | string }
    if (typeof code === 'number' && code !== CONNACK.noRoom) isAnswered = true
  })
  const silent = client.onKeepaliveTimeout.bind(client)
  client.onKeepaliveTimeout = () => {
    patience.late()
    silent()
  }
  // mqtt.js takes the pause from its options when it hears of the end.
  client.prependListener('close', () => {
    clearTimeout(opening)
    if (client.connected) patience.left(performance.now())
    else if (!isOpen) patience.absent()
    else if (!isAnswered) patience.unanswered()
    pause()
  })
}
