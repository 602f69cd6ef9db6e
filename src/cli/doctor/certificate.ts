/** The certificate for wss, and what browsers need beside it. */
import { X509Certificate } from 'node:crypto'
import { messageOf } from '../../core/errors.ts'
import { readCertificate } from '../../net/certificate.ts'
import { certificateFiles } from '../../node/certificate.ts'
import type { Settings } from '../../settings/table.ts'
import { type Examined, type Finding, fail, ok, warn } from './check.ts'

const day = 24 * 60 * 60_000

/** Days before its end from which a renewal is late: the usual tools renew a month before. */
const lateDays = 14

export async function checkCertificate({ settings }: Examined): Promise<Finding[]> {
  const files = certificateFiles(settings)
  if (files === undefined) return []
  try {
    const { cert } = await readCertificate(files)
    const chain = certificatesIn(cert).map((pem) => new X509Certificate(pem))
    const [leaf] = chain
    return leaf === undefined ? [] : [checkTime(leaf), checkChain(leaf, chain.slice(1)), checkName(leaf, settings)]
  } catch (error) {
    return [
      fail(messageOf(error), 'name the PEM files that the certificate authority gave: fullchain.pem, privkey.pem'),
    ]
  }
}

/** The certificates in a PEM file. */
export function certificatesIn(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
}

/** When it ends; told in words for a node that reads its files again. */
export function checkTime({ validFromDate, validToDate }: X509Certificate): Finding {
  const left = (validToDate.getTime() - Date.now()) / day
  const until = validToDate.toISOString().slice(0, 10)
  const renew = 'renew it; the node takes the new files by itself'
  if (validFromDate.getTime() > Date.now())
    return fail(`it is valid from ${validFromDate.toISOString()} on only`, 'look at the clock of this machine')
  if (left <= 0) return fail(`it ended on ${until}`, renew)
  const says = `valid until ${until} (${Math.floor(left)} days)`
  return left < lateDays ? warn(says, renew) : ok(says)
}

function checkChain(leaf: X509Certificate, others: readonly X509Certificate[]): Finding {
  if (leaf.checkIssued(leaf))
    return warn('it is self-signed: browsers refuse it', 'get one from a public authority, such as Let’s Encrypt')
  if (others.length === 0)
    return warn('the certificates of its issuers are not in the file', 'use fullchain.pem, not cert.pem')
  const broken = [leaf, ...others].slice(0, -1).find((one, index) => !one.checkIssued(others[index] as X509Certificate))
  return broken === undefined
    ? ok(`its chain has ${others.length + 1} certificates`)
    : fail(
        'the certificates in the file do not lead to each other',
        'put the certificate first, then each issuer in turn',
      )
}

function checkName(leaf: X509Certificate, settings: Settings): Finding {
  return settings.autoTls ? checkForgeName(leaf, settings) : checkToldName(leaf, settings)
}

function checkForgeName(leaf: X509Certificate, { autoTlsForgeDomain: forge }: Settings): Finding {
  if (namesOf(leaf).endsWith(`.${forge}`)) return ok(`it is for names below ${forge}`)
  return fail(`it is not for names below ${forge}, but for ${namesOf(leaf)}`, 'start the node, which gets another')
}

function checkToldName(leaf: X509Certificate, { dns4DomainName: name }: Settings): Finding {
  if (name === undefined)
    return warn(
      'no name is announced, and browsers need one',
      `set --dns4-domain-name to a name of it (${namesOf(leaf)})`,
    )
  if (leaf.checkHost(name) !== undefined) return ok(`it is for ${name}`)
  return fail(`it is not for ${name} (--dns4-domain-name), but for ${namesOf(leaf)}`, 'get one for that name')
}

function namesOf({ subjectAltName, subject }: X509Certificate): string {
  return subjectAltName ?? subject.replaceAll('\n', ', ')
}

/** What a page can reach, as browsers of today have it. */
export function checkBrowsers({ settings }: Examined): Finding[] {
  const { websocketSupport, websocketSecureSupport, dns4DomainName, extMultiaddr } = settings
  const wssBefore = extMultiaddr.some((address) => /\/wss|\/tls\/ws/.test(address))
  if (wssBefore) return [ok('wss is announced by --ext-multiaddr')]
  if (!websocketSupport) return [ok('no browser is served (--websocket-support)')]
  if (settings.autoTls) return [ok(`pages reach it by its names below ${settings.autoTlsForgeDomain}`)]
  const secure = '--websocket-secure-support with a public certificate, and --dns4-domain-name; or --auto-tls'
  if (!websocketSecureSupport)
    return [warn('plain ws: pages reach it on this machine only, browsers refuse it elsewhere', secure)]
  if (dns4DomainName === undefined) return [warn('wss without a name: browsers refuse IP addresses', secure)]
  return [ok(`pages reach it as /dns4/${dns4DomainName}/tcp/${settings.websocketPort}/wss`)]
}
