/** UTC in s that does not step when the system clock is set: the clock of the simulators' logs and of the faults. */
export function utc(): number {
  return (performance.timeOrigin + performance.now()) / 1000
}
