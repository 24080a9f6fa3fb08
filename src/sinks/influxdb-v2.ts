import { defineSink, sinkArgs } from './define-sink.ts'
import { influxV2 } from './influx-v2.ts'

export default defineSink({
  class: 'InfluxDBAgentv2',
  help: 'Writes all recorded feeds to InfluxDB by its API of version 2; INFLUXDB_V2_URL, _ORG, _BUCKET and _TOKEN set the target.',
  example: { protocol: 'line' },
  args: sinkArgs,
  database: ({ gzip }) => influxV2(gzip),
})
