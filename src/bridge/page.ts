import { html } from 'hono/html'

/** What a browser sees at `/`: the address to give to Grafana, and the metrics there are. */
export function page(url: string, metrics: readonly string[]) {
  const list = metrics.map((name) => html`<li><code>${name}</code></li>`)
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>ocs bridge</title></head>
<body>
<h1>ocs bridge</h1>
<p>In Grafana, add a data source of type Graphite with the URL <code>${url}/graphite</code>, or of type JSON or SimpleJson
with the URL <code>${url}</code></p>
<h2>Metrics</h2>
${metrics.length > 0 ? html`<ul>${list}</ul>` : html`<p>None yet: is a data node running? (ocs datanode)</p>`}
</body>
</html>`
}
