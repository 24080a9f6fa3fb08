import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import manifest from '../package.json' with { type: 'json' }

interface Service {
  readonly image: string
  readonly command?: readonly string[]
  readonly ports?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly security_opt?: readonly string[]
  readonly cap_drop?: readonly string[]
  readonly read_only?: boolean
  readonly tmpfs?: readonly string[]
  readonly secrets?: readonly { readonly source: string; readonly target: string }[]
  readonly healthcheck?: { readonly test: readonly string[] }
}
const compose = parse(readFileSync('deploy/compose.yaml', 'utf8'), { merge: true }) as {
  services: Record<string, Service>
  secrets: Record<string, { file: string }>
}
const dockerfile = readFileSync('deploy/Dockerfile', 'utf8')
const services = Object.entries(compose.services)

/** An image with a full version or a digest, neither of which can change. */
const FIXED = /^[\w./-]+(?::\d+\.\d+\.\d+[\w.-]*|@sha256:[0-9a-f]{64})(?:@sha256:[0-9a-f]{64})?$/

test('no image of the lab in containers is another one tomorrow', () => {
  const [, base = ''] = /^ARG NODE_IMAGE=(.*)$/m.exec(dockerfile) ?? []
  const images = [base, ...services.map(([, { image }]) => image)]
  expect(images.filter((image) => !FIXED.test(image))).toEqual([])
  expect(dockerfile.match(/^FROM .*/gm)?.map((line) => /^FROM \$\{NODE_IMAGE\}$/.test(line))).toEqual([true])
  expect(compose.services['ocs_hub']?.image).toBe(`ocs:${manifest.version}`)
  for (const floating of ['node:22', 'node:latest', 'node:22-bookworm-slim', 'grafana/grafana', 'ocs:0.1'])
    expect([floating, FIXED.test(floating)]).toEqual([floating, false])
  // Exactly the packages of the lockfile are installed, or nothing.
  expect(dockerfile).toContain('RUN npm ci --omit=dev --ignore-scripts')
  expect(dockerfile).not.toMatch(/npm (?:install|i) /)
})

test('nothing listens open, and each role shows a secret of its own', () => {
  const words = services.flatMap(([, { command = [] }]) => command)
  expect(words).not.toContain('--insecure')
  const ports = services.flatMap(([, service]) => service.ports ?? [])
  expect(ports.length).toBeGreaterThan(3)
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
  const roles = services.filter(([, { command }]) =>
    ['agent', 'aggregate', 'bridge'].includes(command?.[0] ?? ''),
  )
  const shown = roles.map(([name, { secrets = [], environment = {} }]) => {
    expect([name, environment['OCS_CREDENTIALS']]).toEqual([name, '/run/secrets/ocs'])
    return secrets.find(({ target }) => target === 'ocs')?.source ?? `none of ${name}`
  })
  expect(new Set(shown).size).toBe(roles.length)
  for (const [name, { command = [] }] of roles) {
    const instance = command.find((word) => word.startsWith('--instance-id='))?.split('=')[1] ?? 'bridge'
    const secret = compose.services[name]?.secrets?.find(({ target }) => target === 'ocs')?.source
    expect(compose.secrets[secret ?? '']?.file).toBe(`./secrets/credentials/${instance}.json`)
  }
  const named = services.flatMap(([, { secrets = [] }]) => secrets.map(({ source }) => source))
  expect(Object.keys(compose.secrets).filter((name) => !named.includes(name))).toEqual([])
  for (const name of ['ocs_hub', 'sisock_grafana_http'])
    expect(compose.services[name]?.healthcheck?.test[0]).toBe('CMD')
})

test('no container has a capability, and those of ocs write into their volumes and /tmp alone', () => {
  for (const [name, { image, security_opt, cap_drop, read_only, tmpfs }] of services) {
    expect([name, security_opt, cap_drop]).toEqual([name, ['no-new-privileges:true'], ['ALL']])
    if (image.startsWith('ocs:')) expect([name, read_only, tmpfs]).toEqual([name, true, ['/tmp']])
  }
})

test('the password of Grafana’s admin is made for this lab, and stands in a file alone', () => {
  const { environment = {}, secrets = [] } = compose.services['grafana'] ?? {}
  const asked = Object.keys(environment).filter((key) => /PASSWORD/.test(key))
  expect(asked).toEqual(['GF_SECURITY_ADMIN_PASSWORD__FILE'])
  const file = environment['GF_SECURITY_ADMIN_PASSWORD__FILE']
  const secret = secrets.find(({ target }) => file === `/run/secrets/${target}`)?.source ?? 'none'
  expect(compose.secrets[secret]?.file).toBe('./secrets/credentials/grafana.admin')
  expect(readFileSync('deploy/init.sh', 'utf8')).toContain('> "$own/grafana.admin"')
})
