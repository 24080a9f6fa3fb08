/** Bytes of a message: eight channels, three samples each. */
export const BYTES = 678
const CHANNELS = Array.from({ length: 8 }, (_, i) => `Channel_${i + 1}_T`)

const row = (seq: number, time: number, epoch: string) =>
  JSON.stringify({
    epoch,
    seq: 1_000_000 + seq,
    block: 'temps',
    t: [0, 1, 2].map((i) => Math.round(1e6 * (time + i / 10)) / 1e6),
    data: Object.fromEntries(
      CHANNELS.map((name, at) => [
        name,
        [0, 1, 2].map((i) => 10 + ((seq * 7 + at + i) % 89) + 0.12345678901),
      ]),
    ),
  })
/** A name that pads a message to its size. */
const epoch = 'e'.repeat(Math.max(1, BYTES - row(1, 1_700_000_000.123456, '').length))

/** The nth message of a feed, as an agent sends it; its first time is the time of sending, unix s. */
export function feedMessage(seq: number, time: number): string {
  return row(seq, time, epoch)
}
