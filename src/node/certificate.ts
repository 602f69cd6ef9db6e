/** The certificate for wss: which files it is in, and what it is for when this node gets it for itself. */
import type { PeerId } from '@libp2p/interface'
import { forgeDomain } from '../net/acme/forge-names.ts'
import { standIn } from '../net/acme/keeper.ts'
import type { CertificateFiles } from '../net/certificate.ts'
import type { Settings } from '../settings/table.ts'

/** Where the certificate for wss is; undefined when this node serves none. */
export function certificateFiles(settings: Settings): CertificateFiles | undefined {
  const { websocketSecureSupport, websocketSecureKeyPath: keyFile, websocketSecureCertPath: certificateFile } = settings
  if (!websocketSecureSupport || keyFile === undefined || certificateFile === undefined) return undefined
  return { keyFile, certificateFile }
}

/** Our name at the forge of `--auto-tls`. */
export function forgeName({ autoTlsForgeDomain }: Settings, peerId: PeerId): string {
  return forgeDomain(peerId, autoTlsForgeDomain)
}

/** What this node gets a certificate for; undefined when it gets none. */
export function certifiedName(settings: Settings, peerId: PeerId): string | undefined {
  return settings.autoTls ? `*.${forgeName(settings, peerId)}` : settings.acmeDomain
}

/** Has something to serve before there is a certificate. To be called before the listeners open. */
export async function prepareCertificate(settings: Settings, peerId: PeerId): Promise<void> {
  const files = certificateFiles(settings)
  const domain = certifiedName(settings, peerId)
  if (domain !== undefined && files !== undefined) await standIn({ domain, files })
}
