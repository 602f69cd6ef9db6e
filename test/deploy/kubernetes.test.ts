/** The manifests keep what docs/operating.md promises of them, and have the fields that Kubernetes knows. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { StatefulSet } from 'kubernetes-types/apps/v1.d.ts'
import type { ConfigMap, Namespace, Service } from 'kubernetes-types/core/v1.d.ts'
import type { NetworkPolicy } from 'kubernetes-types/networking/v1.d.ts'
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.d.ts'
import t, { type Test } from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { waypost } from '../kit/cli.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const folder = path.join(root, 'deploy/kubernetes')
const run = promisify(execFile)

/** Where the types of each kind stand in kubernetes-types. */
const places = {
  ConfigMap: 'core/v1',
  Namespace: 'core/v1',
  NetworkPolicy: 'networking/v1',
  PodDisruptionBudget: 'policy/v1',
  Service: 'core/v1',
  StatefulSet: 'apps/v1',
} as const

type Kind = keyof typeof places
type Manifest = { readonly kind: Kind; readonly metadata: { readonly name: string } }

interface Kustomization {
  readonly resources: readonly string[]
  readonly images: readonly { readonly name: string; readonly newTag: string }[]
}

function text(file: string): string {
  return readFileSync(path.join(folder, file), 'utf8')
}

const kustomization = parse(text('kustomization.yaml')) as Kustomization

const manifests = kustomization.resources.flatMap((file) =>
  parseAllDocuments(text(file)).map((document) => document.toJS() as Manifest),
)

/** The manifest of a kind and name; what it is was checked against the types of Kubernetes. */
function find<T>(kind: Kind, name = 'waypost'): T {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name)
  if (found === undefined) throw new Error(`no ${kind} ${name}`)
  return found as T
}

/** What the compiler says of `manifests` as literals of their types: a field that is unknown, missing or of another type. */
async function complaints(t: Test, manifests: readonly Manifest[]): Promise<string> {
  const kinds = Object.entries(places).map(
    ([kind, place]) =>
      `import type { ${kind} } from '${path.join(root, 'node_modules/kubernetes-types', place)}.d.ts'\n`,
  )
  const literals = manifests.map((one, index) => `export const a${index}: ${one.kind} = ${JSON.stringify(one)}\n`)
  const file = path.join(t.testdir(), 'manifests.ts')
  await writeFile(file, [...kinds, ...literals].join(''))
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc')
  const flags = ['--ignoreConfig', '--noEmit', '--strict', '--types', '', '--module', 'nodenext', '--target', 'es2024']
  try {
    // tap watches every Node that is started below it, and the compiler does not start under its watch.
    await run('env', ['-u', 'NODE_OPTIONS', process.execPath, tsc, ...flags, file], { cwd: root })
    return ''
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    return `failed: ${stdout}${stderr}`
  }
}

t.test('the manifests have the fields that Kubernetes knows, and no other', async (t) => {
  t.same(
    Object.keys(places).filter((kind) => !manifests.some((one) => one.kind === kind)),
    [],
  )
  t.equal(await complaints(t, manifests), '')
  const misspelled = { ...find<StatefulSet & Manifest>('StatefulSet'), spec: { serviceNam: 'a' } }
  t.match(await complaints(t, [misspelled]), /serviceNam/)
})

const statefulSet = find<StatefulSet>('StatefulSet')
const pod = statefulSet.spec?.template.spec
const container = pod?.containers[0]

t.test('the pod has no rights', async (t) => {
  t.equal(pod?.automountServiceAccountToken, false)
  t.match(pod?.securityContext, {
    runAsNonRoot: true,
    runAsUser: 10001,
    fsGroup: 10001,
    seccompProfile: { type: 'RuntimeDefault' },
  })
  t.match(container?.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  t.equal(find<Namespace>('Namespace').metadata?.labels?.['pod-security.kubernetes.io/enforce'], 'restricted')
})

t.test('the probes ask what is meant for them, and a port that is there', async (t) => {
  const { startupProbe, livenessProbe, readinessProbe, ports = [] } = container ?? {}
  t.equal(startupProbe?.httpGet?.path, '/livez')
  t.equal(livenessProbe?.httpGet?.path, '/livez', 'a node without peers is not killed')
  t.equal(readinessProbe?.httpGet?.path, '/readyz')
  const names = ports.map(({ name }) => name)
  for (const probe of [startupProbe, livenessProbe, readinessProbe]) t.ok(names.includes(String(probe?.httpGet?.port)))
})

t.test('the pod has bounds, and time to end', async (t) => {
  t.ok(container?.resources?.requests?.cpu && container.resources.requests.memory)
  t.ok(container?.resources?.limits?.memory)
  t.ok((pod?.terminationGracePeriodSeconds ?? 0) > 10)
})

t.test('what the pod mounts is there, and only its data can be written', async (t) => {
  const volumes = (pod?.volumes ?? []).map(({ name }) => name)
  const claims = (statefulSet.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name)
  for (const { name, readOnly } of container?.volumeMounts ?? []) {
    t.ok([...volumes, ...claims].includes(name), name)
    t.equal(readOnly === true, !claims.includes(name), name)
  }
})

t.test('the settings of the config map are settings', async (t) => {
  const settings = find<ConfigMap>('ConfigMap').data?.['waypost.toml'] ?? ''
  const file = path.join(t.testdir({ 'waypost.toml': settings }), 'waypost.toml')
  const { code, stderr } = await waypost(t, ['config', 'check', `--config-file=${file}`])
  t.equal(code, 0, stderr)
  t.match(settings, /^store = true$/m)
})

t.test('services, policies and budgets mean the pods of the stateful set, by ports that they have', async (t) => {
  const labels = statefulSet.spec?.template.metadata?.labels
  t.same(statefulSet.spec?.selector.matchLabels, labels)
  t.same(find<PodDisruptionBudget>('PodDisruptionBudget').spec?.selector?.matchLabels, labels)
  t.same(find<NetworkPolicy>('NetworkPolicy').spec?.podSelector.matchLabels, labels)
  const ports = (container?.ports ?? []).map(({ name }) => name)
  for (const name of ['waypost', 'waypost-peers', 'waypost-pods']) {
    const { spec } = find<Service>('Service', name)
    t.same(spec?.selector, labels, name)
    for (const { targetPort } of spec?.ports ?? []) t.ok(ports.includes(String(targetPort)), `${name}: ${targetPort}`)
  }
  t.equal(statefulSet.spec?.serviceName, find<Service>('Service', 'waypost-pods').metadata?.name)
})

t.test('the world reaches libp2p and WebSocket, and nothing else', async (t) => {
  const [open, inside] = find<NetworkPolicy>('NetworkPolicy').spec?.ingress ?? []
  t.same(
    open?.ports?.map(({ port }) => port),
    ['libp2p', 'websocket'],
  )
  t.equal(open?.from, undefined, 'from anywhere')
  t.same(
    inside?.ports?.map(({ port }) => port),
    ['rest', 'metrics'],
  )
  t.ok(inside?.from, 'from those that are named')
  const outside = find<Service>('Service', 'waypost-peers').spec
  t.same(
    outside?.ports?.map(({ targetPort }) => targetPort),
    ['libp2p', 'websocket'],
  )
  t.equal(find<Service>('Service').spec?.type, 'ClusterIP')
})

t.test('the kustomization names files that are there, and one version', async (t) => {
  for (const file of kustomization.resources) t.ok(existsSync(path.join(folder, file)), file)
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
  t.same(kustomization.images, [{ name: container?.image, newTag: version }])
})
