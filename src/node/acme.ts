/** The certificate that this node gets for itself: for the name of `--acme-domain`, or by `--auto-tls`. */
import path from 'node:path'
import { Challenges } from '../net/acme/challenges.ts'
import { Forge } from '../net/acme/forge.ts'
import { CertificateKeeper, type KeeperParts } from '../net/acme/keeper.ts'
import { txtResolver } from '../net/discovery/dns/resolver.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { certificateFiles, certifiedName, forgeName } from './certificate.ts'
import type { NodeHost } from './host.ts'

export interface CertificateParts {
  readonly settings: Settings
  readonly host: Pick<NodeHost, 'libp2p' | 'reachability' | 'privateKey'>
  readonly agent: string
  readonly metrics: Metrics
  readonly log: Log
}

/** Orders and renews from now on; undefined when there is no name to do it for. */
export function keepCertificate(parts: CertificateParts): CertificateKeeper | undefined {
  const { settings, host, metrics, log } = parts
  const { acmeAgreeTerms, acmeEmail, acmeDirectoryUrl } = settings
  const files = certificateFiles(settings)
  const domain = certifiedName(settings, host.libp2p.peerId)
  if (domain === undefined || !acmeAgreeTerms || files === undefined) {
    metrics.waypost_acme_failures.remove()
    return undefined
  }
  const keeper = new CertificateKeeper({
    domain,
    email: acmeEmail,
    directoryUrl: acmeDirectoryUrl,
    files,
    accountKeyFile: path.join(path.dirname(files.keyFile), 'account.key.pem'),
    ...(settings.autoTls ? atForge(parts) : onWebServer(settings)),
    metrics,
    log: log.child({ part: 'acme' }),
  })
  host.reachability.onChange(() => keeper.lookAgain())
  return keeper
}

function onWebServer({ listenAddress, acmeHttpPort }: Settings): Pick<KeeperParts, 'prove'> {
  return { prove: () => Challenges.open({ address: listenAddress, port: acmeHttpPort }) }
}

function atForge({ settings, host, agent }: CertificateParts): Pick<KeeperParts, 'prove' | 'missing'> {
  const { reachability, privateKey, libp2p } = host
  return {
    prove: (signal) =>
      new Forge({
        endpoint: settings.autoTlsRegistrationEndpoint,
        domain: forgeName(settings, libp2p.peerId),
        privateKey,
        addresses: () => reachability.public().map(String),
        resolveTxt: txtResolver(settings.dnsAddrsNameServer),
        agent,
        signal,
      }),
    missing: () =>
      reachability.forgeNames().length > 0
        ? undefined
        : 'auto-tls needs a public address, and none is known: --nat=extip:<ip> tells it, --nat=upnp has the router map it',
  }
}
