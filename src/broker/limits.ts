/** What one client may use of the hub's resources. Sizes in bytes, times in seconds. */
export const limits = {
  /** The first packet of a connection, CONNECT with its last will. */
  connect_bytes: 4 * 1024,
  /** Each later packet. */
  packet_bytes: 4 * 1024 * 1024,
  /** The most data that a connection may leave unread before it is cut. */
  owed_bytes: 8 * 1024 * 1024,
  connect_timeout: 5,
  /**
   * Connections that have not been admitted yet, of one address and in total; the oldest makes room for the
   * next.
   */
  address_waiting: 256,
  waiting: 512,
  /** New connections of one address: the rate per second, and the burst after a pause. */
  address_connects_per_second: 200,
  address_connects_at_once: 1000,
  /** Admitted clients. */
  connections: 1024,
  /**
   * Admitted clients of one principal (except the account of the hub), and of one address without
   * credentials.
   */
  principal_connections: 200,
  /**
   * What is read per second of one principal, and of one address without credentials; the rest has to wait.
   */
  messages_per_second: 2000,
  bytes_per_second: 8 * 1024 * 1024,
  /** Seconds of silence after which the transport checks whether the other end is still there. */
  silence: 60,
  /** The body of a call over HTTP, and the number of unanswered calls. */
  call_bytes: 1024 * 1024,
  calls: 256,
  /**
   * Unanswered calls of one principal (except the account of the hub), and of one address without
   * credentials.
   */
  principal_calls: 64,
  topic_levels: 10,
  subscriptions: 1000,
  retained_messages: 20_000,
  retained_bytes: 256 * 1024 * 1024,
  /** Retained messages of one instance-id, so that one agent cannot use up the shared limit. */
  instance_retained_messages: 2000,
  instance_retained_bytes: 32 * 1024 * 1024,
  /** How long the holder of a client id has to answer the hub's ping. */
  ping_timeout: 1,
} as const
