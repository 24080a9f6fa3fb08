import { z } from 'zod'
import { defineAgent } from '../core/agent.ts'
import { type FieldInfo, feedAddress } from '../core/channels.ts'
import type { Columns, DataRequest, FieldEntry, FieldsAnswer, FieldsRequest } from '../core/data-node.ts'
import { OpError } from '../core/errors.ts'
import type { LabAgents } from '../core/lab.ts'
import { nameFinder } from '../core/names.ts'
import { poll } from '../core/poll.ts'
import { Archive, type ArchiveField, sourceOf } from '../storage/archive/archive.ts'
import type { Column } from '../storage/archive/archive-columns.ts'
import { indexPath } from '../storage/archive/archive-index-file.ts'
import { NodeName, nameClaims } from './node-instance.ts'
import { answering, cells, chosen, keep, toUnix } from './queries.ts'
import type { Slice } from './table.ts'

/** How often the folder is checked for new frames, Hz. */
const LOOK_HZ = 0.2
/** Milliseconds after which an unfinished end of a file is no longer being written. */
const SETTLED_MS = 60_000
/**
 * Files stored elsewhere and new to the index that each check fetches: local files must not wait for them.
 */
const FETCHES = 1

const node = defineAgent({
  class: 'ArchiveDataNode',
  aliases: ['G3ReaderServer', 'G3Reader'],
  help: 'Serves a folder of .g3 files to the bridge, as metrics NAME::instance.feed.field.',
  example: { data_dir: '/data/hk' },
  args: z.object({
    name: NodeName.default('archive').describe('first part of its metric names'),
    description: z.string().default('').describe('description of the measurement'),
    data_dir: z.string().min(1).describe('folder of .g3 files, such as the recorder’s'),
    index_dir: z.string().min(1).describe('folder for the index of the files, which can be deleted'),
  }),
  feeds: {},
  claims: nameClaims,
  connect: async ({ name, description, data_dir, index_dir }, lab) => {
    lab.announceNode({ name, description, archive: true })
    const archive = new Archive(data_dir, indexPath(index_dir, data_dir))
    return { archive, declared: new Map() as Declared }
  },
}).process(
  'serve',
  {
    help: 'Reads what is new in the files, every five seconds.',
    data: z.object({ fields: z.number(), bad_files: z.array(z.string()) }),
    startup: true,
  },
  async ({ instrument: { archive, declared }, lab, session, signal }) => {
    const told = new Set<string>()
    let away = false
    await using agents = await lab.agents({ sessions: false })
    const look = async () => {
      for (const [source, info] of declaredBy(agents, lab.root)) declared.set(source, info)
      await archive.rescan(signal, undefined, FETCHES)
      const bad = archive.problems().filter(({ mtime }) => Date.now() - mtime > SETTLED_MS)
      for (const { path, goodBytes, reason } of bad) {
        if (told.has(path)) continue
        told.add(path)
        lab.event('warning', 'bad_file', `${path} is served up to byte ${goodBytes}: ${reason}`)
      }
      session.set({ fields: archive.fields().length, bad_files: bad.map(({ path }) => path) })
      const { unreached } = archive
      if (unreached !== undefined) {
        session.degrade(unreached)
        away = true
      } else if (away) session.degraded = away = false
    }
    const onError = (error: unknown) => session.log(`the files cannot be read: ${error}`)
    await poll(LOOK_HZ, { session, signal }, look, { onError })
  },
)

export default answering(
  node,
  ({ archive, declared }, request) => archiveFields(archive, request, declared),
  ({ archive, declared }, request) => archiveData(archive, request, declared),
)

/** The agents' declarations of fields, by recorded source: files contain only their names. */
type Declared = Map<string, FieldInfo>

function* declaredBy({ instances }: LabAgents, root: string): Generator<[string, FieldInfo]> {
  for (const [instance, { api }] of instances)
    for (const [feed, { blocks }] of Object.entries(api?.feeds ?? {}))
      for (const fields of Object.values(blocks))
        for (const [field, info] of Object.entries(fields))
          yield [`${feedAddress(root, instance, feed)}.${field}`, info]
}

/** The fields of an archive that have data between two times. */
export function archiveFields(
  archive: Archive,
  { start, end }: FieldsRequest,
  declared: Declared = new Map(),
  now = Date.now() / 1000,
): FieldsAnswer {
  const answer: FieldsAnswer = { fields: {}, timelines: {} }
  for (const field of archive.fields(toUnix(start, now), toUnix(end, now))) {
    const about = describe(field, declared)
    answer.fields[field.label] = about
    answer.timelines[about.timeline] ??= { interval: archive.newest(field).interval, fields: [] }
    answer.timelines[about.timeline]?.fields.push(field.label)
  }
  return answer
}

/**
 * The data of fields of an archive between two times; empty for a missing field. Fields without common times,
 * as with `max_points`, have timelines of their own.
 * @throws OpError if all samples are requested, and some are stored elsewhere and cannot be read: a curve
 * with a hole is better than none, but a copy with a hole is worse
 */
export async function archiveData(
  archive: Archive,
  { fields, start, end, max_points, min_stride }: DataRequest,
  declared: Declared = new Map(),
  now = Date.now() / 1000,
): Promise<Columns> {
  const answer: Columns = { data: {}, timeline: {}, fields: {} }
  const find = finder(archive.fields())
  const names = [...new Set(fields)]
  const found = names.flatMap((name) => {
    const field = find(name)
    if (!field) answer.data[name] = []
    return field ? [{ name, field }] : []
  })
  const [from, to] = [toUnix(start, now), toUnix(end, now)]
  const missing: string[] = []
  const columns = await archive.read(
    found.map(({ field }) => field),
    from,
    to,
    { maxPoints: min_stride === undefined ? max_points : undefined, missing: (why) => missing.push(why) },
  )
  const [first] = missing
  if (first !== undefined && max_points === undefined && min_stride === undefined)
    throw new OpError(`some files cannot be read at the moment: ${first}`)
  for (const [i, { name, field }] of found.entries()) {
    const column = columns[i] as Column
    const slice = sliceOf(column)
    const kept = keep(slice, max_points, min_stride)
    const t = chosen(slice.t, kept)
    const about = describe(field, declared)
    const shared = answer.timeline[about.timeline]
    const alone = max_points !== undefined || (shared !== undefined && !equal(shared.t, t))
    const timeline = alone ? `${about.timeline}.${field.shown}` : about.timeline
    answer.timeline[timeline] ??= {
      t,
      finalized_until: archive.newest(field).last,
      ...(kept && { thinned: column.thinned === true || t.length < slice.t.length }),
    }
    answer.data[name] = cells(slice, kept)
    answer.fields[name] = { ...about, timeline }
  }
  return answer
}

function describe(field: ArchiveField, declared: Declared): FieldEntry {
  const { label, shown, block, type, about } = field
  const timeline = `${label.slice(0, -shown.length)}${block}`
  const source = sourceOf(field)
  const { description, units, resolution, rhythm, bits } = about ?? declared.get(source) ?? {}
  const { agent_class, exclude_influx, influxdb_tags, influxdb_int } = about ?? {}
  return {
    description: description ?? null,
    timeline,
    type: type === 'double' || type === 'int' ? 'number' : type,
    units: units || null,
    ...(resolution && { resolution }),
    ...(rhythm && { rhythm }),
    ...(bits && { bits }),
    source,
    recorded: {
      field: field.name,
      type,
      ...(agent_class !== undefined && { agent_class }),
      ...(exclude_influx && { exclude_influx }),
      ...(influxdb_tags && { influxdb_tags }),
      ...(influxdb_int && { influxdb_int }),
    },
  }
}

/** Finds fields by their name or whole address, else by the same ignoring case. */
function finder(fields: readonly ArchiveField[]): (name: string) => ArchiveField | undefined {
  const ways = (field: ArchiveField) => [field.label, sourceOf(field)]
  return nameFinder(fields.flatMap((field) => ways(field).map((name) => [name, field] as const)))
}

function sliceOf({ type, t, values }: Column): Slice {
  const kind = type === 'double' || type === 'int' ? 'number' : type
  return { kind, t, values: values instanceof BigInt64Array ? Float64Array.from(values, Number) : values }
}

function equal(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((t, i) => t === b[i])
}
