import { Account } from './account.ts'
import { Agents } from './agents.ts'
import { bridgeTime, clockText } from './clock.ts'
import { connect, get, type Link } from './connection.ts'
import { byId, say } from './dom.ts'
import { showAlarms, showEvents } from './events.ts'
import { showGrafana } from './grafana.ts'
import { Readings } from './readings.ts'
import { showRecorder } from './recorder.ts'
import { type Happened, siteOf } from './shape.ts'
import { Timeline } from './timeline.ts'
import { showViews } from './views.ts'
import { showWall } from './wall.ts'

const LINKS: Readonly<Record<Link, string>> = {
  connecting: 'connecting …',
  live: 'live',
  'no hub': 'the bridge has lost the hub: no new data',
  offline: 'offline: cannot reach the bridge, trying again',
}
/** Milliseconds in which changes are collected before everything that depends on all agents is redrawn. */
const GATHER_MS = 300

const readings = new Readings(!showWall())
const timeline = new Timeline(readings.window)
readings.window.changed(() => timeline.draw())
const account = new Account((me) => {
  agents.refresh()
  lab()
  showGrafana(me)
})
const agents = new Agents(() => account.mayOperate)
let build = ''
let linked: Link = 'connecting'

const happened = gathered(async () => {
  const { runs, events } = await get<Happened>('/page/happened')
  const tasks = new Set(
    agents.views.flatMap(({ instance, ops }) =>
      ops.filter(({ kind }) => kind === 'task').map(({ op }) => `${instance} ${op}`),
    ),
  )
  // A process that runs normally would shade everything.
  const told = runs.filter(
    ({ instance, op, state }) => tasks.has(`${instance} ${op}`) || state === 'failed' || state === 'degraded',
  )
  readings.shade(told)
  timeline.take(told, events)
  showEvents(events)
})
const lab = gathered(async () => {
  showRecorder(agents.views, isLive())
  showAlarms(agents.views, account.me)
  timeline.alarm(agents.views)
  readings.sitesAway(
    new Map(
      agents.views.flatMap(({ instance, state, why }) =>
        state === 'away' && why !== null ? [[siteOf(instance), why] as const] : [],
      ),
    ),
  )
})

showViews()
showGrafana(account.me)
void account.ask()
connect({
  link(state) {
    const place = byId('link')
    place.className = `link ${state.replace(' ', '-')}`
    // A page that is opened later cannot know the beginning.
    say(place, linked === 'live' ? `${LINKS[state]} (since ${clockText(bridgeTime())})` : LINKS[state])
    linked = state
    agents.know(isLive())
    readings.reached(state !== 'no hub')
    lab()
    document.body.classList.toggle('offline', state === 'offline')
    // The stream also ends for a person who is no longer known.
    if (state === 'offline') void account.ask()
  },
  hello(said) {
    if (build !== '' && said.build !== build) location.reload()
    build = said.build
    for (const { instance } of agents.views) if (!said.instances.includes(instance)) agents.forget(instance)
    readings.connected(said.stream)
    void account.ask()
    happened()
  },
  agent(view) {
    const before = agents.views.find(({ instance }) => instance === view.instance)
    agents.take(view)
    lab()
    if (JSON.stringify(before?.ops) !== JSON.stringify(view.ops)) happened()
  },
  forgotten({ instance }) {
    agents.forget(instance)
    lab()
    void readings.list()
  },
  tick({ notRecording }) {
    const place = byId('recording')
    place.hidden = notRecording === null
    if (notRecording !== null)
      say(place, `NOT RECORDING: ${notRecording}. Agents keep their samples meanwhile.`)
  },
  fields: () => void readings.list(),
  happened,
  values: (parts) => readings.take(parts),
})

/** Whether the last known states of agents are current. */
function isLive(): boolean {
  return linked === 'live' || linked === 'connecting'
}

/** Does something once for all calls in quick succession; a failed call is repeated with the next. */
function gathered(what: () => Promise<void>): () => void {
  let timer = 0
  return () => {
    clearTimeout(timer)
    timer = setTimeout(() => void what().catch(() => {}), GATHER_MS)
  }
}
