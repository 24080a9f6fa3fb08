/** One number that an instrument sent: no other reading of it is the same. */
export interface Sent {
  readonly t: number
  readonly channel: number | 'A'
  readonly quantity: string
  readonly value: number
}
