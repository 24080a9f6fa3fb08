import { pause } from '../core/pause.ts'
import type { Strike } from './fault-event.ts'
import type { ChaosLab } from './lab.ts'
import { NODE_NAME } from './lab-roles.ts'
import type { Watch } from './watch.ts'

/** Milliseconds between two looks at the bridge, and that one may take. */
const LOOK_MS = 20
const ASK_MS = 500

/**
 * Waits until what a fault hit is seen to work again: an agent or its instrument by a new row on the bus; the hub, the
 * recorder, a disk, its files and the clock by a row that is newly recorded; the bridge by an answer, the data node by one of its own in it.
 * @returns whether it was seen before the signal
 */
export function seenBack(
  lab: ChaosLab,
  watch: Watch,
  { kind, target }: { readonly kind: string; readonly target: string },
  signal: AbortSignal,
): Promise<boolean> {
  switch (kind) {
    case 'agent':
    case 'instrument':
    case 'foreign agent':
      return watch.rowOf(target, signal)
    case 'bridge':
      return answered(`${lab.bridgeUrl}/api/agents`, () => true, signal)
    case 'data node':
      return answered(`${lab.bridgeUrl}/api/metrics`, (text) => text.includes(`${NODE_NAME}::`), signal)
    default:
      return watch.recorded(signal)
  }
}

async function answered(url: string, fits: (text: string) => boolean, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]) })
      if (answer.ok && fits(await answer.text())) return true
    } catch {
      // Not there yet.
    }
    await pause(LOOK_MS, signal)
  }
  return false
}

/** Whether a fault keeps the recovery from another from being measured: it hits what the sight of it depends on. */
export function disturbs(other: Strike, { kind, target }: Strike): boolean {
  if (other.target === target || other.kind === 'hub' || other.fault === 'spool-full') return true
  if (kind === 'data node') return other.kind === 'bridge'
  const recording = ['hub', 'recorder', 'disk', 'files', 'clock'].includes(kind)
  return recording && ['recorder', 'disk', 'files'].includes(other.kind)
}
