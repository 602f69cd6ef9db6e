/** The compose files keep what docs/operating.md promises of them, and use the words of the compose specification. */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { settingNamed } from '../../src/settings/given.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const folder = path.join(root, 'deploy')

/** What the promises are about; what a service has besides is the schema's. */
interface Service {
  readonly image: string
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly secrets?: readonly string[]
  readonly networks: readonly string[]
  readonly healthcheck?: object
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly cap_add?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly stop_grace_period?: string
  readonly mem_limit?: string
  readonly pids_limit?: number
  readonly restart?: string
  readonly logging?: { readonly options?: { readonly 'max-size'?: string; readonly 'max-file'?: string } }
  readonly ulimits?: { readonly nofile?: { readonly soft: number } }
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>
  readonly volumes: Readonly<Record<string, object>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

const files = ['compose.yaml', 'compose.fleet.yaml'] as const

/** The words of the compose specification that these files use, by where they stand. One that is not here is a slip. */
const words = {
  file: ['name', 'networks', 'secrets', 'services', 'volumes'],
  service: [
    'build',
    'cap_add',
    'cap_drop',
    'command',
    'depends_on',
    'environment',
    'healthcheck',
    'image',
    'logging',
    'mem_limit',
    'networks',
    'pids_limit',
    'ports',
    'read_only',
    'restart',
    'secrets',
    'security_opt',
    'shm_size',
    'stop_grace_period',
    'tmpfs',
    'ulimits',
    'volumes',
  ],
  healthcheck: ['interval', 'retries', 'start_period', 'test', 'timeout'],
} as const

/** What stands in a compose file that has no meaning there, as a path each. What begins with x- is the file's own. */
function slips(compose: Compose): string[] {
  const unknown = (where: keyof typeof words, place: object): string[] =>
    Object.keys(place).filter((key) => !key.startsWith('x-') && !words[where].some((word) => word === key))
  const inServices = Object.entries(compose.services).flatMap(([name, service]) =>
    [...unknown('service', service), ...unknown('healthcheck', service.healthcheck ?? {})].map(
      (key) => `${name}.${key}`,
    ),
  )
  return [...unknown('file', compose), ...inServices]
}

function read(file: string): Compose {
  return parse(readFileSync(path.join(folder, file), 'utf8'), { merge: true }) as Compose
}

const isNode = ({ image }: Service): boolean => image.startsWith('waypost:')

for (const file of files) {
  const compose = read(file)
  const services = Object.entries(compose.services)
  const nodes = services.filter(([, service]) => isNode(service))

  t.test(`${file} is a compose file`, async (t) => {
    t.same(slips(compose), [])
    const slipped = { ...compose, services: { node: { image: 'a', networks: [], read_onli: true } } }
    t.same(slips(slipped), ['node.read_onli'], 'a misspelled word is found')
    t.ok(nodes.length > 0)
  })

  t.test(`${file} gives no container more rights than it needs`, async (t) => {
    for (const [name, service] of services) {
      t.equal(service.read_only, true, `${name}: its root cannot be written`)
      t.same(service.cap_drop, ['ALL'], `${name}: no capabilities`)
      t.same(service.security_opt, ['no-new-privileges:true'], `${name}: no new rights`)
      if (name !== 'database') t.equal(service.cap_add, undefined, `${name}: none is given back`)
    }
  })

  t.test(`${file} bounds what each container takes`, async (t) => {
    for (const [name, service] of services) {
      t.ok(service.mem_limit, `${name}: memory`)
      t.ok(service.pids_limit, `${name}: processes`)
      t.ok(service.logging?.options?.['max-size'] && service.logging.options['max-file'], `${name}: log`)
      t.equal(service.restart, 'unless-stopped', `${name}: restart`)
    }
    for (const [name, { ulimits }] of nodes) t.ok((ulimits?.nofile?.soft ?? 0) > 4096, `${name}: open files`)
  })

  t.test(`${file} lets containers end, and looks after their health`, async (t) => {
    for (const [name, service] of services) {
      t.match(service.stop_grace_period, /^(30s|1m)$/, name)
      // The image of the node has its own: Dockerfile.
      if (!isNode(service)) t.ok(service.healthcheck, name)
    }
    t.match(readFileSync(path.join(root, 'Dockerfile'), 'utf8'), /^HEALTHCHECK /m)
  })

  t.test(`${file} shows the world nothing but libp2p and WebSocket`, async (t) => {
    for (const [name, service] of services)
      for (const port of service.ports ?? []) {
        const open = isNode(service) && /:(60000|8000)$/.test(port)
        t.equal(port.startsWith('127.0.0.1:'), !open, `${name} publishes ${port}`)
      }
    const published = services.flatMap(([, { ports = [] }]) => ports.map((port) => port.split(':').at(-2)))
    t.equal(new Set(published).size, published.length, 'no port twice')
  })

  t.test(`${file} names one version of each image`, async (t) => {
    for (const [name, { image }] of services) t.match(image, /:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/, name)
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
    for (const [, { image }] of nodes) t.equal(image, `waypost:${version}`)
  })

  t.test(`${file} names only settings, networks, volumes, secrets and files that are there`, async (t) => {
    for (const [name, { environment = {}, networks, volumes = [], secrets = [] }] of services) {
      for (const variable of Object.keys(environment).filter((key) => key.startsWith('WAYPOST_')))
        t.ok(settingNamed(variable.slice('WAYPOST_'.length).toLowerCase().replaceAll('_', '-')), variable)
      for (const network of networks) t.hasOwnProp(compose.networks, network, name)
      for (const secret of secrets) t.hasOwnProp(compose.secrets, secret, name)
      for (const volume of volumes) {
        const [source = ''] = volume.split(':')
        if (source.startsWith('.')) t.ok(existsSync(path.join(folder, source)), `${name} mounts ${source}`)
        else t.hasOwnProp(compose.volumes, source, name)
      }
    }
  })

  t.test(`${file} is scraped whole`, async (t) => {
    const [config] = /\/etc\/prometheus\/\w+\.yml/.exec(readFileSync(path.join(folder, file), 'utf8')) ?? []
    t.ok(config)
    const text = readFileSync(path.join(folder, 'prometheus', path.basename(config ?? '')), 'utf8')
    for (const [name] of nodes) t.ok(text.includes(`${name}:8008`), name)
  })

  t.test(`${file} holds no secret, but names a file that deploy/secrets.sh makes once`, async (t) => {
    const made = t.testdir()
    const make = () => execFileSync('sh', [path.join(folder, 'secrets.sh'), made], { encoding: 'utf8' })
    t.match(make(), /made/)
    const before = globSync('*', { cwd: made }).map((name) => readFileSync(path.join(made, name), 'utf8'))
    t.equal(make(), '', 'a second time it makes nothing')
    t.same(
      globSync('*', { cwd: made }).map((name) => readFileSync(path.join(made, name), 'utf8')),
      before,
    )
    t.equal(statSync(made).mode & 0o777, 0o700, 'the folder is for its owner alone')
    for (const { file: secret } of Object.values(compose.secrets)) {
      t.equal(path.dirname(secret), './secrets')
      t.ok(existsSync(path.join(made, path.basename(secret))), secret)
    }
    t.match(readFileSync(path.join(made, 'database-password'), 'utf8'), /^[0-9a-f]{32}$/)
    for (const [name, { environment = {} }] of services)
      for (const variable of Object.keys(environment).filter((key) => /PASSWORD|SECRET|TOKEN|DB_URL/.test(key)))
        t.match(variable, /_FILE$/, `${name}: ${variable}`)
  })
}

t.test('the database of the fleet is not on the network of the peers', async (t) => {
  const { services, networks } = read('compose.fleet.yaml')
  t.same(services.database?.networks, ['fleet'])
  t.equal(networks.fleet?.internal, true)
})
