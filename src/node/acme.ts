/** The certificate that this node gets for itself, when `--acme-domain` names what for. */
import path from 'node:path'
import { CertificateKeeper, standIn } from '../net/acme/keeper.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { certificateFiles } from './host.ts'

/** Has something to serve before there is a certificate. To be called before the listeners open. */
export async function prepareAcme(settings: Settings): Promise<void> {
  const files = certificateFiles(settings)
  if (settings.acmeDomain !== undefined && files !== undefined) await standIn({ domain: settings.acmeDomain, files })
}

/** Orders and renews from now on; undefined when no name is given. */
export function keepCertificate(settings: Settings, metrics: Metrics, log: Log): CertificateKeeper | undefined {
  const { acmeDomain, acmeAgreeTerms, acmeEmail, acmeDirectoryUrl, acmeHttpPort, listenAddress } = settings
  const files = certificateFiles(settings)
  if (acmeDomain === undefined || !acmeAgreeTerms || files === undefined) {
    metrics.waypost_acme_failures.remove()
    return undefined
  }
  return new CertificateKeeper({
    domain: acmeDomain,
    email: acmeEmail,
    directoryUrl: acmeDirectoryUrl,
    files,
    accountKeyFile: path.join(path.dirname(files.keyFile), 'account.key.pem'),
    challenges: { address: listenAddress, port: acmeHttpPort },
    metrics,
    log: log.child({ part: 'acme' }),
  })
}
