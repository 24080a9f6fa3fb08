/**
 * Preloaded into the roles of a soak. Memory is judged after garbage collection: otherwise it may grow to
 * twice the memory in use, in waves of many hours.
 */
const seconds = Number(process.env['SOAK_COLLECT_SECONDS'])
setInterval(() => Bun.gc(true), seconds * 1000).unref()

// Bun takes its timers from the clock of the C library but sleeps by the kernel's: unless woken each
// millisecond, a timer of one fast second (faketime) would take a real one.
if (process.env['FAKETIME'] !== undefined) setInterval(() => {}, 1).unref()
