/**
 * Preloaded into the roles of a soak. Memory is judged with the garbage collected: by itself it is left to grow to twice
 * what is in use, in waves of many hours.
 */
const seconds = Number(process.env['SOAK_COLLECT_SECONDS'])
setInterval(() => Bun.gc(true), seconds * 1000).unref()

// Bun takes its timers from the clock of the C library but sleeps by the kernel's: without something that wakes it each
// millisecond, a timer of one fast second (faketime) would take a real one.
if (process.env['FAKETIME'] !== undefined) setInterval(() => {}, 1).unref()
