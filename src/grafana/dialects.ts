import type { Shown } from '../core/shown-node.ts'
import { plainNames } from './plain-names.ts'

export const dialectNames = ['graphite', 'simpod', 'simplejson'] as const
export type DialectName = (typeof dialectNames)[number]
export type Json = Readonly<Record<string, unknown>>

/** How one kind of data source is asked: what a panel, a variable and an annotation of it look like. */
export interface Dialect {
  readonly source: { readonly type: string; readonly uid: string }
  /** Its entry in a provisioning file, for the bridge at a URL. */
  provisioned(bridge: string): Json
  /** Asks for fields of a node; all of them without names. */
  fields(node: string, names?: readonly string[]): Json[]
  /** What a field's curve is called, which settings of a single one go by. */
  legend(node: string, field: string): string
  /** Asks for all fields of the node that the variable names. */
  each(variable: string): Json[]
  /** Asks for the states of an instance's operations; of all without one. */
  states(instance?: string): Json[]
  /** The query of a variable whose values are the names of all data nodes. */
  nodes(): Json
  /** The query of annotations with all these tags. */
  marks(tags: readonly string[]): Json
}

/** `A` … `Z`, `AA`, …: what tells the targets of a panel apart. */
function refId(at: number): string {
  const letter = String.fromCharCode(65 + (at % 26))
  return at < 26 ? letter : refId(Math.floor(at / 26) - 1) + letter
}

/** A dialect that knows the names of a lab, for which Graphite has a spelling of its own. */
export function dialectOf(name: DialectName, lab: readonly Shown[]): Dialect {
  return name === 'graphite' ? graphite(lab) : json(name)
}

function graphite(lab: readonly Shown[]): Dialect {
  const source = { type: 'graphite', uid: 'ocs' }
  const plain = (names: Iterable<string>) =>
    new Map([...plainNames(names)].map(([spelt, original]) => [original, spelt]))
  const nodes = plain(new Set(lab.map(({ name }) => name)))
  const fieldsOf = new Map(
    lab.map(({ name, fields = [] }) => [name, plain(fields.map((field) => field.name))]),
  )
  // The unit at the end is what a panel of fields that nobody knows yet goes by.
  const all = (node: string) => `aliasByTags(${node}.*, "field", "unit")`
  const target = (text: string) => [{ refId: 'A', datasource: source, target: text }]
  return {
    source,
    provisioned: (bridge) => ({
      name: 'ocs',
      uid: source.uid,
      type: source.type,
      access: 'proxy',
      url: `${bridge}/graphite`,
      jsonData: { graphiteVersion: '1.1', graphiteType: 'default' },
    }),
    fields(node, names) {
      const spelt = names?.map((name) => fieldsOf.get(node)?.get(name) ?? name)
      // A pattern may fit nothing: a channel that a scanner has still to visit is no misspelt one.
      const name = nodes.get(node) ?? node
      if (spelt) return target(`aliasByNode(${name}.{${spelt.join(',')}}, 1)`)
      return target(all(name))
    },
    legend: (node, field) => fieldsOf.get(node)?.get(field) ?? field,
    each: (variable) => target(all(`$${variable}`)),
    states(instance) {
      if (instance === undefined) return target('aliasByNode(operations.*.*, 1, 2)')
      return target(`aliasByNode(operations.${instance.replaceAll(/\W/g, '_')}.*, 2)`)
    },
    nodes: () => ({ query: '*', definition: '*' }),
    marks: (tags) => ({ target: { refId: 'Anno', queryType: 'tags', tags, fromAnnotations: true } }),
  }
}

function json(name: 'simpod' | 'simplejson'): Dialect {
  const simpod = name === 'simpod'
  const source = simpod
    ? { type: 'simpod-json-datasource', uid: 'ocsjson' }
    : { type: 'grafana-simple-json-datasource', uid: 'ocssimple' }
  const targets = (texts: readonly string[], type: 'timeserie' | 'table') =>
    texts.map((target, at) => ({
      refId: refId(at),
      datasource: source,
      target,
      ...(simpod ? { editorMode: 'code', payload: '' } : { type }),
    }))
  return {
    source,
    provisioned: (url) => ({
      name: `ocs (${name})`,
      uid: source.uid,
      type: source.type,
      access: 'proxy',
      url,
    }),
    fields: (node, names = ['*']) =>
      targets(
        names.map((field) => `${node}::${field}`),
        'timeserie',
      ),
    legend: (node, field) => `${node}::${field}`,
    each: (variable) => targets([`$${variable}::*`], 'timeserie'),
    states: (instance) => targets([instance === undefined ? 'states' : `${instance} states`], 'table'),
    nodes: () =>
      simpod
        ? { query: { query: 'nodes', format: 'string', refId: 'nodes' }, definition: 'nodes' }
        : { query: 'nodes', definition: 'nodes' },
    marks: (tags) => {
      const words = tags.join(' ')
      if (!simpod) return { query: words }
      return { target: { refId: 'Anno', target: `events ${words}`, payload: '', editorMode: 'code' } }
    },
  }
}
