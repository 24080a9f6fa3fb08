/** What one client may take of the hub, and for how long. Sizes in bytes, times in seconds. */
export const limits = {
  /** The first packet of a connection, CONNECT with its last will. */
  connect_bytes: 4 * 1024,
  /** Each packet after it. */
  packet_bytes: 4 * 1024 * 1024,
  /** What a connection may leave unread before it is cut. */
  owed_bytes: 8 * 1024 * 1024,
  connect_timeout: 5,
  connections: 1024,
  /** Connections to a TLS port that have not shaken hands yet. */
  handshakes: 256,
  /** The longest keep alive; a client without one is refused, since its death would go unnoticed. */
  keep_alive: 60,
  /** The body of a call over HTTP, and calls that are not answered yet. */
  call_bytes: 1024 * 1024,
  calls: 256,
  topic_levels: 10,
  subscriptions: 1000,
  retained_messages: 20_000,
  retained_bytes: 256 * 1024 * 1024,
  /** Of one instance-id, so that one agent cannot use up what all share. */
  instance_retained_messages: 2000,
  instance_retained_bytes: 32 * 1024 * 1024,
  /** How long the holder of a client id has to answer the hub's ping. */
  ping_timeout: 1,
} as const
