/** What one client may take of the hub, and for how long. Sizes in bytes, times in seconds. */
export const limits = {
  /** The first packet of a connection, CONNECT with its last will. */
  connect_bytes: 4 * 1024,
  /** Each packet after it. */
  packet_bytes: 4 * 1024 * 1024,
  /** What a connection may leave unread before it is cut. */
  owed_bytes: 8 * 1024 * 1024,
  connect_timeout: 5,
  /** Connections of one address, and of all, that have not been let in yet; the oldest makes room for the next. */
  address_waiting: 256,
  waiting: 512,
  /** New connections of one address: so many a second, and so many at once after a pause. */
  address_connects_per_second: 200,
  address_connects_at_once: 1000,
  /** Clients that have been let in. */
  connections: 1024,
  /** Of these, those of one principal but the account of the hub, and of one address without credentials. */
  principal_connections: 200,
  /** What is read in a second of one principal, and of one address without credentials; more has to wait. */
  messages_per_second: 2000,
  bytes_per_second: 8 * 1024 * 1024,
  /** The silence after which a connection is asked by its transport whether the other end is still there. */
  silence: 60,
  /** The body of a call over HTTP, and calls that are not answered yet. */
  call_bytes: 1024 * 1024,
  calls: 256,
  /** Of these, those of one principal but the account of the hub, and of one address without credentials. */
  principal_calls: 64,
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
