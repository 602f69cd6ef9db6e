/**
 * A certificate authority on loopback that speaks ACME (RFC 8555): it checks signatures and nonces, asks for the proof
 * over HTTP, or for that of all names below one in DNS, and has openssl sign the request that it gets.
 */
import { execFileSync } from 'node:child_process'
import { createHash, createPublicKey, randomBytes, verify, type webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { Authority } from './authority.ts'
import type { Owner } from './owner.ts'

export interface AcmeOptions {
  /** Where it looks for the proof of whatever name: a port of this machine. */
  readonly challengePort: () => number
  /** Looks up TXT records, for the proof in DNS. */
  readonly resolveTxt?: (name: string) => Promise<readonly string[]>
  /** Signs for this name, whatever was asked for. */
  readonly signsFor?: string
  /** Refuses the first signed request with `badNonce`. */
  staleNonce?: boolean
  /** Where it sends who asks for an order, instead of to itself. */
  readonly ordersAt?: string
  /** Answers orders with this problem. */
  refuses?: string
  readonly days?: number
}

export interface AcmeServer {
  readonly directoryUrl: string
  /** Of its root, PEM. */
  readonly rootFile: string
  /** Paths that were asked for with a signature, in order. */
  readonly asked: string[]
  readonly options: AcmeOptions
  readonly contacts: string[]
}

interface Signed {
  readonly protected: {
    readonly nonce: string
    readonly url: string
    readonly jwk?: webcrypto.JsonWebKey
    readonly kid?: string
  }
  // biome-ignore lint/suspicious/noExplicitAny: whatever the client sends
  readonly payload: any
}

export async function acmeServer(t: Owner & { testdir(): string }, options: AcmeOptions): Promise<AcmeServer> {
  const folder = t.testdir()
  const authority = new Authority(folder)
  const asked: string[] = []
  const contacts: string[] = []
  const nonces = new Set<string>()
  const accounts = new Map<string, webcrypto.JsonWebKey>()
  const token = randomBytes(24).toString('base64url')
  const order = { domain: '', proof: 'pending', detail: '', chain: '' }
  let base = ''

  function nonce(): string {
    const made = randomBytes(12).toString('base64url')
    nonces.add(made)
    return made
  }

  function read(body: string, url: string): Signed {
    const { protected: header, payload, signature } = JSON.parse(body)
    const fields: Signed['protected'] = JSON.parse(Buffer.from(header, 'base64url').toString())
    const jwk = fields.jwk ?? accounts.get(fields.kid ?? '')
    const key = createPublicKey({ key: jwk ?? {}, format: 'jwk' })
    const good = verify(
      'sha256',
      Buffer.from(`${header}.${payload}`),
      { key, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    )
    if (!good || fields.url !== url) throw new Error('malformed')
    if (!nonces.delete(fields.nonce) || options.staleNonce) {
      options.staleNonce = false
      throw new Error('badNonce')
    }
    return {
      protected: fields,
      payload: payload === '' ? undefined : JSON.parse(Buffer.from(payload, 'base64url').toString()),
    }
  }

  async function prove(account: webcrypto.JsonWebKey): Promise<void> {
    const { crv, kty, x, y } = account
    const print = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
    const proof = `${token}.${print}`
    const found = isWildcard() ? await foundInDns() : [await foundOnWeb()]
    const expected = isWildcard() ? createHash('sha256').update(proof).digest('base64url') : proof
    order.proof = found.includes(expected) ? 'valid' : 'invalid'
    order.detail = `found ${found.join(' ').slice(0, 100)}`
  }

  function foundOnWeb(): Promise<string> {
    const url = `http://127.0.0.1:${options.challengePort()}/.well-known/acme-challenge/${token}`
    return fetch(url).then((response) => response.text(), String)
  }

  async function foundInDns(): Promise<readonly string[]> {
    return (await options.resolveTxt?.(`_acme-challenge.${order.domain.slice(2)}`).catch(() => [])) ?? []
  }

  /** All names below one, which only DNS proves. */
  function isWildcard(): boolean {
    return order.domain.startsWith('*.')
  }

  function sign(csr: string): void {
    const [request, certificate, extensions] = ['request.der', 'issued.pem', 'names.ext'].map((file) =>
      path.join(folder, file),
    ) as [string, string, string]
    writeFileSync(request, Buffer.from(csr, 'base64url'))
    writeFileSync(extensions, `subjectAltName=DNS:${options.signsFor ?? order.domain}`)
    const shown = execFileSync('openssl', ['req', '-inform', 'der', '-in', request, '-noout', '-text', '-verify'], {
      stdio: 'pipe',
    })
    if (!shown.toString().includes(`DNS:${order.domain}`)) throw new Error('badCSR')
    const signed = [
      '-inform',
      'der',
      '-in',
      request,
      '-CA',
      authority.file,
      '-CAkey',
      path.join(folder, 'ca.key'),
      '-CAcreateserial',
    ]
    execFileSync(
      'openssl',
      ['x509', '-req', ...signed, '-days', String(options.days ?? 90), '-extfile', extensions, '-out', certificate],
      { stdio: 'pipe' },
    )
    order.chain = readFileSync(certificate, 'utf8') + readFileSync(authority.file, 'utf8')
  }

  const shownOrder = () => ({
    status: order.chain !== '' ? 'valid' : order.proof === 'valid' ? 'ready' : order.proof,
    authorizations: [`${base}/authorization`],
    finalize: `${base}/finalize`,
    certificate: `${base}/certificate`,
  })

  const routes: Readonly<Record<string, (signed: Signed, account: webcrypto.JsonWebKey) => unknown>> = {
    '/account'({ protected: { jwk }, payload }) {
      if (payload.termsOfServiceAgreed !== true) throw new Error('userActionRequired')
      contacts.push(...(payload.contact ?? []))
      accounts.set(`${base}/account/1`, jwk ?? {})
      return {}
    },
    '/order'({ payload }) {
      if (payload === undefined) return shownOrder()
      if (options.refuses !== undefined) throw new Error(options.refuses)
      Object.assign(order, { domain: payload.identifiers[0].value, proof: 'pending', chain: '' })
      return shownOrder()
    },
    '/authorization': () => ({
      status: order.proof,
      challenges: [
        { type: isWildcard() ? 'dns-account-01' : 'dns-01', token, url: `${base}/other` },
        {
          type: isWildcard() ? 'dns-01' : 'http-01',
          token,
          url: `${base}/challenge`,
          ...(order.proof === 'invalid' && { error: { detail: order.detail } }),
        },
      ],
    }),
    '/challenge'(_, account) {
      void prove(account)
      return {}
    },
    '/finalize'({ payload }) {
      sign(payload.csr)
      return shownOrder()
    },
    '/certificate': () => order.chain,
  }

  const server = createServer(async (request, response) => {
    response.setHeader('replay-nonce', nonce())
    const url = request.url ?? ''
    if (url === '/directory')
      return response.end(
        JSON.stringify({
          newNonce: `${base}/nonce`,
          newAccount: `${base}/account`,
          newOrder: options.ordersAt ?? `${base}/order`,
        }),
      )
    if (request.method === 'HEAD') return response.end()
    try {
      const signed = read(await text(request), base + url)
      asked.push(url)
      const result = routes[url]?.(signed, accounts.get(signed.protected.kid ?? '') ?? {})
      response.setHeader('location', `${base}${url === '/account' ? '/account/1' : url}`)
      return response.end(typeof result === 'string' ? result : JSON.stringify(result ?? {}))
    } catch (error) {
      const type = `urn:ietf:params:acme:error:${error instanceof Error ? error.message : error}`
      return response.writeHead(400).end(JSON.stringify({ type, detail: 'the stand-in refuses' }))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { directoryUrl: `${base}/directory`, rootFile: authority.file, asked, options, contacts }
}
