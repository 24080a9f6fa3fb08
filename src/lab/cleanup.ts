/** What has to be undone, however a script ends; declare it with `await using`. */
export interface Cleanup extends AsyncDisposable {
  /** Adds a step. Steps run last first; one that fails keeps none of the others from running. */
  defer(step: () => unknown): void
}

/** An empty list of things to undo, run at the end of the block that declares it. */
export function cleanup(): Cleanup {
  const steps = new AsyncDisposableStack()
  return {
    defer: (step) =>
      steps.defer(async () => {
        await step()
      }),
    [Symbol.asyncDispose]: () => steps.disposeAsync(),
  }
}
