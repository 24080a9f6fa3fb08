/**
 * Prints the readings of one feed, a line each, until Ctrl-C; without a name it lists the agents of the lab.
 *
 *     ocs run examples/watch.ts
 *     ocs run examples/watch.ts ls240 temperatures
 */
import { connect, connectLab, type Script } from 'ocs'

/** Runs it: `[INSTANCE [FEED]]`. */
export default async function watch({ args: [instance, name], signal }: Script): Promise<void> {
  if (instance === undefined) {
    await using lab = await connectLab({ signal })
    for (const { instance, agentClass, state, feeds } of lab.agents()) {
      print(`${instance}  ${agentClass}  ${state}  feeds: ${feeds.join(', ') || 'none'}`)
    }
    return
  }
  await using agent = await connect(instance, { signal, patience: Infinity })
  const feed = agent.feeds[name ?? Object.keys(agent.api.feeds)[0] ?? '']
  if (!feed) return print(`${instance} has no feed`)
  for await (const { times, values } of feed) {
    for (const [at, time] of times.entries()) {
      const shown = Object.entries(values).map(([field, column]) => `${field} ${column[at]}`)
      print(`${new Date(1000 * time).toISOString()}  ${shown.join('  ')}`)
    }
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
