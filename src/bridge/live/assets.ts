import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Context } from 'hono'
import { hasOwnFiles, ownFile } from '../../machine/own-files.ts'

/**
 * The folder of the page's own files, and the files it shares with the rest of ocs, which import only one
 * another.
 */
const FOLDER = ownFile('src/bridge/page')
const CORE = ownFile('src/core')
const TYPES: Readonly<Record<string, string>> = {
  ts: 'text/javascript; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  svg: 'image/svg+xml',
}
/** Only content from the bridge itself is loaded, run or requested. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')
const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
  vary: 'accept-encoding',
}

interface Asset {
  readonly type: string
  readonly text: string
  readonly packed: Uint8Array<ArrayBuffer>
  readonly etag: string
}
/** The files of the live page. */
export interface Assets {
  /** Changes whenever one of the files changes. */
  readonly build: string
  /** Answers with a file; undefined if there is none of that name. */
  serve(c: Context, name: string): Response | undefined
}

/**
 * Reads the page's files, transpiles its TypeScript to JavaScript, and adds uPlot. Nothing is built or
 * written.
 */
export function pageAssets(): Assets {
  const plot = hasOwnFiles
    ? ownFile('node_modules/uplot')
    : dirname(createRequire(ownFile('package.json')).resolve('uplot/package.json'))
  const transpiler = new Bun.Transpiler({ loader: 'ts', target: 'browser' })
  const files: [string, string][] = [
    ['uplot.js', readFileSync(join(plot, 'dist', 'uPlot.esm.js'), 'utf8')],
    ['uplot.css', readFileSync(join(plot, 'dist', 'uPlot.min.css'), 'utf8')],
  ]
  for (const name of readdirSync(FOLDER)) {
    if (!/\.(ts|css|html|svg)$/.test(name) || name.includes('.test')) continue
    const text = readFileSync(join(FOLDER, name), 'utf8')
    files.push([name, name.endsWith('.ts') ? inBrowser(transpiler.transformSync(text)) : text])
  }
  // The list grows in the loop, by the imports of the core's files.
  for (const [, text] of files) {
    for (const [, name = ''] of text.matchAll(SHARED)) {
      if (files.some(([known]) => known === `core-${name}`)) continue
      const code = transpiler.transformSync(readFileSync(join(CORE, name), 'utf8'))
      files.push([`core-${name}`, code.replaceAll(/from ?"\.\/([\w-]+\.ts)"/g, 'from "./core-$1"')])
    }
  }
  const assets = new Map(files.map(([name, text]) => [name, asset(name, text)]))
  const build = Bun.hash([...assets.values()].map(({ etag }) => etag).join('')).toString(36)
  return {
    build,
    serve(c, name) {
      const found = assets.get(name)
      if (!found) return undefined
      const headers = { ...HEADERS, 'content-type': found.type, etag: found.etag }
      if (c.req.header('if-none-match') === found.etag) return c.body(null, 304, headers)
      if (!/\bgzip\b/i.test(c.req.header('accept-encoding') ?? '')) return c.body(found.text, 200, headers)
      return c.body(found.packed, 200, { ...headers, 'content-encoding': 'gzip' })
    },
  }
}

/** Imports of the core in a page's file, as served. */
const SHARED = /from ?"\.\/core-([\w-]+\.ts)"/g

/** A browser resolves packages by URL, and all files of the page are in one folder. */
function inBrowser(code: string): string {
  return code
    .replaceAll(/from ?"uplot"/g, 'from "./uplot.js"')
    .replaceAll(/from ?"\.\.\/\.\.\/core\/([\w-]+\.ts)"/g, 'from "./core-$1"')
}

function asset(name: string, text: string): Asset {
  const type = TYPES[name.split('.').at(-1) ?? ''] ?? 'text/plain'
  return { type, text, packed: Bun.gzipSync(text), etag: `"${Bun.hash(text).toString(36)}"` }
}
