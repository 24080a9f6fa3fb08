import { byId, h } from './dom.ts'

const VIEWS = { readings: 'Readings', agents: 'Agents', recorder: 'Recorder', events: 'Events' } as const

/** On a narrow screen one part of the page is shown at a time; these buttons choose it. */
export function showViews(): void {
  const buttons = Object.entries(VIEWS).map(([view, label]) =>
    h('button', { type: 'button', 'data-view': view, click: () => choose(view) }, label),
  )
  const choose = (view: string) => {
    document.body.dataset['view'] = view
    for (const button of buttons) {
      if (button.dataset['view'] === view) button.setAttribute('aria-current', 'true')
      else button.removeAttribute('aria-current')
    }
    scrollTo(0, 0)
  }
  byId('views').append(...buttons)
  choose('readings')
}
