import type { IClientOptions, MqttClient } from 'mqtt'
import { CONNACK } from '../core/errors.ts'
import { fairTimers, OPEN_MS, type Patience, spread } from './patience.ts'
import type { Servers } from './servers.ts'

/** Options for mqtt.js with the waits of a patience. */
export function patientSettings(patience: Patience): IClientOptions {
  const timers = fairTimers(() => patience.late())
  // mqtt.js accepts any object with these two functions; its types are narrower.
  return { ...timesOf(patience), timerVariant: timers as unknown as 'auto' }
}

function timesOf(patience: Patience): IClientOptions {
  return { keepalive: patience.keepalive, connectTimeout: patience.answerMs }
}

/** Applies a patience's waits to a client: for the hub's answers and between attempts. */
export function waitPatiently(client: MqttClient, patience: Patience, servers: Servers): void {
  /** Whether the hub's host has accepted the connection. */
  let isOpen = false
  /** Whether the hub has answered this attempt with a refusal. */
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
    // A connection to an absent host is opened again: when the host is back, the system's own retry may take
    // long.
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
  // mqtt.js reads the pause from its options when the connection ends.
  client.prependListener('close', () => {
    clearTimeout(opening)
    if (client.connected) patience.left(performance.now())
    else if (!isOpen) patience.absent()
    else if (!isAnswered) patience.unanswered()
    pause()
  })
}
