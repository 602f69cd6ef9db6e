/**
 * What a running node changes without a restart: a row for each subject, with the settings that it takes. Those are
 * the rows of the settings table that are marked `live`; a test holds the two together.
 */
import { multiaddr } from '@multiformats/multiaddr'
import type { Archive } from '../archive/archive.ts'
import { type CertificateFiles, readCertificate } from '../net/certificate.ts'
import { type CertificateWatch, validUntil } from '../net/certificate-watch.ts'
import type { StaticPeers } from '../net/peers.ts'
import type { SettingName, Settings } from '../settings/table.ts'
import { type Log, setLogLevel } from '../telemetry/log.ts'
import { diskLimitsOf, retentionOf } from './archive.ts'
import { certificateFiles } from './certificate.ts'
import type { Discovery } from './discovery.ts'
import { limitsOf, type NodeHost } from './host.ts'
import { type Network, protectedKeys } from './network.ts'
import { staticPeers } from './peers.ts'
import { namedAddresses } from './private-network.ts'
import { filterSettings, namedPeers, type Protocols } from './protocols.ts'
import type { Servers } from './servers.ts'

/** What new settings come to, once all that they name has been read. */
export interface Prepared {
  /** Puts them into force; it cannot fail. */
  apply(): void
  /** A file that a setting names has changed, though the setting has not. */
  readonly news?: string | undefined
}

/** One subject. */
export interface LivePart {
  readonly settings: readonly SettingName[]
  /** Reads what `settings` name. Throws when that is not usable. */
  prepare(settings: Settings): Prepared | Promise<Prepared>
}

export interface LiveParts {
  readonly log: Log
  readonly network: Network
  readonly servers: Servers
  /** Absent when this node keeps no messages. */
  readonly archive?: Archive | undefined
  readonly host: NodeHost
  readonly protocols: Protocols
  readonly peers: StaticPeers
  readonly discovery: Pick<Discovery, 'manager'>
  /** Absent when this node serves no wss. */
  readonly certificates?: CertificateWatch | undefined
}

/** A subject whose settings are all that is needed. */
function plain(settings: readonly SettingName[], apply: (settings: Settings) => void): LivePart {
  return { settings, prepare: (changed) => ({ apply: () => apply(changed) }) }
}

/** The subjects of a node. */
export function liveParts(parts: LiveParts): readonly LivePart[] {
  const { log, network, servers, archive, host, protocols, peers, discovery, certificates } = parts
  return [
    plain(['log-level'], ({ logLevel }) => setLogLevel(log, logLevel)),
    plain(['staticnode', 'storenode', 'filternode', 'lightpushnode', 'peer-exchange-node'], (settings) => {
      host.rules.name(namedAddresses(settings))
      peers.wantOnly(staticPeers(settings).map((address) => multiaddr(address)))
      protocols.servicePeers.name(namedPeers(settings))
    }),
    plain(['rate-limit'], ({ rateLimit }) => protocols.quotas.change(rateLimit)),
    plain(['max-connections', 'ip-colocation-limit', 'max-pending-connections', 'open-timeout'], (settings) => {
      host.changeLimits(limitsOf(settings))
      discovery.manager.lookSoon()
      host.router?.changeColocationLimit(settings.ipColocationLimit)
    }),
    plain(['filter-max-peers-to-serve', 'filter-max-criteria', 'filter-subscription-timeout'], (settings) =>
      protocols.filter?.change(filterSettings(settings)),
    ),
    plain(['store-message-retention-policy'], (settings) =>
      archive?.keep(retentionOf(settings.storeMessageRetentionPolicy)),
    ),
    plain(['store-min-free', 'store-ballast'], (settings) => void archive?.keepFree(diskLimitsOf(settings))),
    plain(['protected-shard'], (settings) => {
      network.protectedKeys.clear()
      for (const [topic, key] of protectedKeys(settings)) network.protectedKeys.set(topic, key)
    }),
    {
      settings: ['rest-token-file', 'rest-token', 'rest-auth', 'rest-allow-origin'],
      prepare: (settings) => servers.prepare(settings),
    },
    {
      settings: ['websocket-secure-cert-path', 'websocket-secure-key-path'],
      prepare: (settings) => prepareCertificate(certificates, certificateFiles(settings)),
    },
  ]
}

async function prepareCertificate(
  watch: CertificateWatch | undefined,
  files: CertificateFiles | undefined,
): Promise<Prepared> {
  if (watch === undefined || files === undefined) return { apply() {} }
  const tls = await readCertificate(files)
  const news = watch.holds(tls) ? undefined : `another certificate, valid until ${validUntil(tls)}`
  return { apply: () => watch.use(files, tls), news }
}
