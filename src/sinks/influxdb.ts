import { z } from 'zod'
import { defineSink, sinkArgs } from './define-sink.ts'
import { influxV1 } from './influx-v1.ts'

export default defineSink({
  class: 'InfluxDBAgent',
  help: 'Writes all recorded feeds to InfluxDB 1.x, VictoriaMetrics or QuestDB.',
  example: { host: 'influxdb', database: 'ocs_feeds' },
  args: sinkArgs.extend({
    host: z.string().min(1).default('influxdb').describe('host of the database'),
    port: z.int().min(1).max(65_535).default(8086).describe('its port'),
    database: z.string().min(1).default('ocs_feeds').describe('name of the database; created if missing'),
    ssl: z.boolean().default(false).describe('whether it speaks HTTPS'),
    verify_ssl: z.boolean().default(false).describe('whether to verify its certificate'),
  }),
  database: (args) => influxV1(args),
})
