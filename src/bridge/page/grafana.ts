import { byId, h, toast } from './dom.ts'
import type { Me } from './shape.ts'

/** Shows the addresses for Grafana, to copy, and a link to Grafana if the bridge knows it. */
export function showGrafana({ grafana }: Me): void {
  byId('grafana').replaceChildren(
    ...(grafana === null
      ? []
      : [h('p', {}, h('a', { href: grafana, target: '_blank', rel: 'noreferrer' }, 'Open in Grafana'))]),
    address('Data source Graphite', `${location.origin}/graphite`),
    address('Data source JSON or SimpleJson', location.origin),
  )
}

function address(what: string, url: string): HTMLElement {
  const id = `url-${what.replaceAll(' ', '-')}`
  const input = h('input', { id, readonly: true, value: url })
  const copy = async () => {
    input.select()
    try {
      await navigator.clipboard.writeText(url)
      toast(`${url} is copied`)
    } catch {
      toast('the address is selected: copy it with Ctrl-C')
    }
  }
  return h(
    'div',
    { class: 'address' },
    h('label', { for: id }, what),
    h(
      'div',
      {},
      input,
      h('button', { type: 'button', click: () => void copy(), 'aria-label': `Copy ${url}` }, 'Copy'),
    ),
  )
}
