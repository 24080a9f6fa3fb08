import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A disk in memory that a check can fill; needs root, or private namespaces (`.ci/alone`). */
export class SmallDisk implements Disposable {
  readonly dir: string

  /** Mounts it on a new folder. */
  constructor(dir: string, mebibytes: number) {
    this.dir = dir
    mkdirSync(dir)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', dir])
  }

  /** Fills all of its remaining space. */
  fill(): void {
    for (let size = 1 << 20; size >= 512; size /= 2) {
      for (let n = 0; ; n++) {
        try {
          writeFileSync(join(this.dir, `fill-${size}-${n}-${performance.now()}`), Buffer.alloc(size), {
            flag: 'wx',
          })
        } catch {
          break
        }
      }
    }
  }

  /** Frees the filled space. */
  free(): void {
    for (const name of readdirSync(this.dir)) if (name.startsWith('fill-')) rmSync(join(this.dir, name))
  }

  /** Makes it read-only, or writable again. @throws Error while a file is open for writing */
  readOnly(yes: boolean): void {
    execFileSync('mount', ['-o', `remount,${yes ? 'ro' : 'rw'}`, this.dir])
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['--lazy', this.dir])
  }
}
