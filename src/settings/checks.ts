/** What settings must be to each other. Each rule is a function that yields a line for every breach. */
import { statSync } from 'node:fs'
import { isIP } from 'node:net'
import { messageOf } from '../core/errors.ts'
import { autoshard } from '../core/topics.ts'
import { portsOf } from './adjust.ts'
import { type Findings, type Origin, showOrigin } from './given.ts'
import { twnCluster } from './presets.ts'
import { type SettingName, type Settings, settingTable } from './table.ts'

/** Names a setting as its source wrote it, `WAYPOST_RELAY` or `--relay`. */
type At = (name: SettingName) => string
type Rule = (settings: Settings, at: At) => Iterable<string>

/** Adds what is wrong with `settings`, taken together, to `findings`. */
export function check(settings: Settings, origins: Readonly<Record<SettingName, Origin>>, findings: Findings): void {
  const at: At = (name) => {
    const origin = origins[name]
    return origin.from === 'default' ? `--${name}` : showOrigin(origin)
  }
  for (const rule of refusals) findings.problems.push(...rule(settings, at))
  for (const rule of cautions) findings.warnings.push(...rule(settings, at))
}

/** The Waku Network drops who relays what it calls spam, and only RLN tells that: decision 0005, 10. */
function* relayNeedsRln(settings: Settings, at: At): Iterable<string> {
  if (settings.clusterId === twnCluster && settings.relay && !settings.unsafeRelayWithoutRln)
    yield `${at('relay')}: refused on cluster 1: The Waku Network needs RLN, which is not in this version yet; leave relay off (an edge node), or add --unsafe-relay-without-rln`
}

function* shardsExist({ numShardsInNetwork, shard = [], protectedShard }: Settings, at: At): Iterable<string> {
  if (numShardsInNetwork === 0) return
  const range = `this network has ${numShardsInNetwork} (--num-shards-in-network), counted from 0`
  for (const index of shard)
    if (index >= numShardsInNetwork) yield `${at('shard')}: there is no shard ${index}: ${range}`
  for (const { shard: index } of protectedShard)
    if (index >= numShardsInNetwork) yield `${at('protected-shard')}: there is no shard ${index}: ${range}`
}

function* protectedShardsAreOurs({ clusterId, protectedShard }: Settings, at: At): Iterable<string> {
  for (const { cluster = clusterId, shard } of protectedShard)
    if (cluster !== clusterId)
      yield `${at('protected-shard')}: shard ${shard} is of cluster ${cluster}, the node of cluster ${clusterId}`
}

function* contentTopicsHaveShards({ numShardsInNetwork, contentTopic }: Settings, at: At): Iterable<string> {
  if (numShardsInNetwork === 0) return
  for (const topic of contentTopic) {
    try {
      autoshard(topic, numShardsInNetwork)
    } catch (error) {
      yield `${at('content-topic')}: ${messageOf(error)}`
    }
  }
}

function* secureWebsocketHasFiles(settings: Settings, at: At): Iterable<string> {
  if (!settings.websocketSecureSupport) return
  const files = ['websocket-secure-key-path', 'websocket-secure-cert-path'] as const
  const given = [settings.websocketSecureKeyPath, settings.websocketSecureCertPath]
  for (const [index, name] of files.entries())
    if (given[index] === undefined) yield `${at('websocket-secure-support')}: needs --${name}`
}

/** Nobody is asked for a certificate, and no terms are agreed to, without a word of the operator. */
function* termsAreAgreed({ acmeDomain, acmeAgreeTerms, acmeDirectoryUrl }: Settings, at: At): Iterable<string> {
  if (acmeDomain === undefined) return
  if (!acmeAgreeTerms)
    yield `${at('acme-domain')}: needs --acme-agree-terms: read the terms of service of ${acmeDirectoryUrl} and agree`
  if (isIP(acmeDomain) !== 0 || !acmeDomain.includes('.')) yield `${at('acme-domain')}: is no public DNS name`
}

const publicForge = {
  domain: settingTable['auto-tls-forge-domain'].default,
  endpoint: settingTable['auto-tls-registration-endpoint'].default,
}

/** AutoTLS asks an authority too, and gives names of its own. */
function* autoTlsFits(settings: Settings, at: At): Iterable<string> {
  const { autoTls, acmeDomain, acmeAgreeTerms, acmeDirectoryUrl, autoTlsForgeDomain } = settings
  if (!autoTls) return
  if (!acmeAgreeTerms)
    yield `${at('auto-tls')}: needs --acme-agree-terms: read the terms of service of ${acmeDirectoryUrl} and agree`
  if (acmeDomain !== undefined) yield `${at('auto-tls')}: without --acme-domain: a node serves one certificate`
  const isPublic = autoTlsForgeDomain === publicForge.domain
  if (!isPublic && settings.autoTlsRegistrationEndpoint === publicForge.endpoint)
    yield `${at('auto-tls-forge-domain')}: needs the --auto-tls-registration-endpoint of that service`
}

/** The archive of another engine is never passed over in silence: decision 0005, 8. */
function* archiveIsOurs({ store, storeMessageDbUrl: url }: Settings, at: At): Iterable<string> {
  if (!store || url === undefined) return
  if (url.engine === 'sqlite' && isFile(url.path))
    yield `${at('store-message-db-url')}: ${url.path} is an archive of nwaku, which is not read in place: run \`waypost store import --from-sqlite ${url.path}\`, then leave this setting out`
}

function* replicaHasPrimary({ storeMessageDbUrl, storeReadUrl }: Settings, at: At): Iterable<string> {
  if (storeReadUrl === undefined) return
  if (storeReadUrl.engine !== 'postgres' || storeMessageDbUrl?.engine !== 'postgres')
    yield `${at('store-read-url')}: a replica is one of a PostgreSQL archive; both it and --store-message-db-url must be postgres://`
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

function* portsFit(settings: Settings, at: At): Iterable<string> {
  for (const [name, port] of portsOf(settings))
    if (port + settings.portsShift > 65535) yield `${at('ports-shift')}: moves ${name} ${port} above 65535`
}

/** A TCP listener: the setting of its port, its port and its address. UDP does not get in their way. */
export type Listener = readonly [name: SettingName, port: number, address: string]

/** The TCP listeners that these settings open. */
export function listeners(settings: Settings): readonly Listener[] {
  const { listenAddress, websocketSupport, websocketSecureSupport, rest, metricsServer } = settings
  const open: (Listener | false)[] = [
    ['tcp-port', settings.tcpPort, listenAddress],
    (websocketSupport || websocketSecureSupport) && ['websocket-port', settings.websocketPort, listenAddress],
    rest && ['rest-port', settings.restPort, settings.restAddress],
    metricsServer && ['metrics-server-port', settings.metricsServerPort, settings.metricsServerAddress],
  ]
  return open.filter((listener) => listener !== false)
}

function* portsDiffer(settings: Settings, at: At): Iterable<string> {
  const open = listeners(settings).filter(([, port]) => port !== 0)
  for (const [index, [name, port, address]] of open.entries())
    for (const [other, otherPort, otherAddress] of open.slice(0, index))
      if (port === otherPort && overlap(address, otherAddress))
        yield `${at(name)}: port ${port} is also that of --${other}`
}

function* udpPortsDiffer(settings: Settings, at: At): Iterable<string> {
  const { webrtcDirect, webrtcDirectPort: port, discv5Discovery, discv5UdpPort } = settings
  if (webrtcDirect && discv5Discovery && port !== 0 && port === discv5UdpPort)
    yield `${at('webrtc-direct-port')}: UDP port ${port} is also that of --discv5-udp-port`
}

/** Two addresses of one machine get in each other's way when they are one, or when either is all of them. */
function overlap(address: string, other: string): boolean {
  return address === other || [address, other].some((one) => one === '0.0.0.0' || one === '::')
}

function* announcesSomething(settings: Settings, at: At): Iterable<string> {
  if (settings.extMultiaddrOnly && settings.extMultiaddr.length === 0)
    yield `${at('ext-multiaddr-only')}: needs --ext-multiaddr, or nothing would be announced`
}

function* pmpIsNotSpoken({ nat }: Settings, at: At): Iterable<string> {
  if (nat.by === 'pmp')
    yield `${at('nat')}: NAT-PMP is not spoken and no port is mapped; use upnp, or extip:<ip> with ports mapped by hand`
}

function* sqliteBecomesLevel({ store, storeMessageDbUrl: url }: Settings, at: At): Iterable<string> {
  if (store && url?.engine === 'sqlite')
    yield `${at('store-message-db-url')}: the archive is kept on LevelDB, not SQLite`
}

function* staticShardsNeedNames({ numShardsInNetwork, contentTopic }: Settings, at: At): Iterable<string> {
  if (numShardsInNetwork === 0 && contentTopic.length > 0)
    yield `${at('content-topic')}: without effect with static sharding (--num-shards-in-network=0); use --shard`
}

const refusals: readonly Rule[] = [
  relayNeedsRln,
  shardsExist,
  protectedShardsAreOurs,
  contentTopicsHaveShards,
  secureWebsocketHasFiles,
  termsAreAgreed,
  autoTlsFits,
  archiveIsOurs,
  replicaHasPrimary,
  portsFit,
  portsDiffer,
  udpPortsDiffer,
  announcesSomething,
]

const cautions: readonly Rule[] = [pmpIsNotSpoken, sqliteBecomesLevel, staticShardsNeedNames]
