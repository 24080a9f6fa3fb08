/** The list of parts of a release, CycloneDX 1.5, from the lockfile, as npm lists them. */
import { join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }

const root = join(import.meta.dir, '..')
const COMMAND = 'npm sbom --package-lock-only --sbom-format=cyclonedx --offline'

interface Bom {
  metadata: { component: { name: string; 'bom-ref': string } }
  components: { 'bom-ref': string }[]
  dependencies: { ref: string; dependsOn?: string[] }[]
}

/**
 * The packages that are installed with ocs. npm's own `--omit=dev` also drops packages that a build tool
 * needs too (11.19.1: zod, yaml, which Knip needs), so this starts from our dependencies.
 * @throws Error when npm fails
 */
export async function sbom(): Promise<string> {
  const npm = Bun.spawn(COMMAND.split(' '), { cwd: root, stdout: 'pipe', stderr: 'pipe' })
  const [text, said, code] = await Promise.all([
    new Response(npm.stdout).text(),
    new Response(npm.stderr).text(),
    npm.exited,
  ])
  if (code !== 0) throw new Error(`${COMMAND} ended with ${code}: ${said}`)
  const bom: Bom = JSON.parse(text)
  const { component } = bom.metadata
  // npm uses the name of the folder.
  component.name = manifest.name
  const needs = new Map(bom.dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]))
  const direct = Object.entries(manifest.dependencies).map(([name, version]) => `${name}@${version}`)
  needs.set(component['bom-ref'], direct)
  const used = new Set([component['bom-ref']])
  for (const ref of used) for (const one of needs.get(ref) ?? []) used.add(one)
  bom.components = bom.components.filter((part) => used.has(part['bom-ref']))
  bom.dependencies = [...used].map((ref) => ({ ref, dependsOn: needs.get(ref) ?? [] }))
  return `${JSON.stringify(bom, null, 2)}\n`
}
