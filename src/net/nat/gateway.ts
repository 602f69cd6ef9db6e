/**
 * A router that maps ports: the services WANIPConnection and WANPPPConnection, versions 1 and 2, of UPnP's
 * InternetGatewayDevice, spoken as SOAP over HTTP.
 *
 * The router is a stranger too: what it sends is bounded in time and bytes, it sends us nowhere else, and of its XML
 * only the texts of a few elements are taken.
 * http://upnp.org/specs/gw/UPnP-gw-WANIPConnection-v2-Service.pdf
 */
import { request } from 'node:http'
import { isIPv4 } from 'node:net'
import { messageOf, WaypostError } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import type { Located } from './ssdp.ts'

/** For one request; routers are slow. */
const requestTimeout: Milliseconds = 4000

/** Bytes of an answer: a description with all services of a large router is some 20 KiB. */
const answerBytes = 64 * 1024

/** How long a mapping lasts unless it is renewed: what a router forgets by itself when we are gone. */
export const leaseSeconds = 3600

/** Codes of the service's errors. */
const conflict = 718
const onlyPermanent = 725

export interface PortToMap {
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
}

interface Control {
  readonly url: URL
  readonly service: string
}

type Arguments = Readonly<Record<string, string | number>>

export class Gateway {
  readonly #control: Control
  readonly #localAddress: string

  private constructor(control: Control, localAddress: string) {
    this.#control = control
    this.#localAddress = localAddress
  }

  /** Reads its description. Throws `nat/gateway` when it maps no ports. */
  static async open({ location, localAddress }: Located, signal: AbortSignal): Promise<Gateway> {
    const { body } = await exchange(location, { method: 'GET', signal })
    const control = controlIn(body, location)
    if (control === undefined) throw fault(location, 'describe itself', 'it has no service that maps ports')
    return new Gateway(control, localAddress)
  }

  get name(): string {
    return this.#control.url.host
  }

  /** Our address as the world sees it, as the router has it. Throws `nat/gateway`. */
  async externalAddress(signal: AbortSignal): Promise<string> {
    const answer = await this.#run('GetExternalIPAddress', {}, signal)
    const address = textOf(answer, 'NewExternalIPAddress') ?? ''
    if (!isIPv4(address)) throw fault(this.#control.url, 'GetExternalIPAddress', 'it named no address')
    return address
  }

  /** Maps the port, or keeps its mapping for another hour. False when the outer port is somebody else's. */
  async map({ protocol, port }: PortToMap, externalPort: number, signal: AbortSignal): Promise<boolean> {
    const mapping = (lease: number): Arguments => ({
      NewRemoteHost: '',
      NewExternalPort: externalPort,
      NewProtocol: protocol.toUpperCase(),
      NewInternalPort: port,
      NewInternalClient: this.#localAddress,
      NewEnabled: 1,
      NewPortMappingDescription: 'waypost',
      NewLeaseDuration: lease,
    })
    const { code } = await this.#call('AddPortMapping', mapping(leaseSeconds), signal)
    if (code === conflict) return false
    if (code === onlyPermanent) await this.#run('AddPortMapping', mapping(0), signal)
    else if (code !== undefined) throw fault(this.#control.url, 'AddPortMapping', `error ${code}`)
    return true
  }

  /** Takes a mapping back. Throws `nat/gateway`. */
  async unmap(protocol: PortToMap['protocol'], externalPort: number, signal: AbortSignal): Promise<void> {
    const mapping = { NewRemoteHost: '', NewExternalPort: externalPort, NewProtocol: protocol.toUpperCase() }
    await this.#run('DeletePortMapping', mapping, signal)
  }

  async #run(action: string, parameters: Arguments, signal: AbortSignal): Promise<string> {
    const { body, code } = await this.#call(action, parameters, signal)
    if (code !== undefined) throw fault(this.#control.url, action, `error ${code}`)
    return body
  }

  /** The answer, with the code of its error when it is one; NaN for an error without a code. */
  async #call(action: string, parameters: Arguments, signal: AbortSignal): Promise<{ body: string; code?: number }> {
    const { url, service } = this.#control
    const { status, body } = await exchange(url, {
      method: 'POST',
      signal,
      headers: { 'content-type': 'text/xml; charset="utf-8"', soapaction: `"${service}#${action}"` },
      body: envelope(service, action, parameters),
    })
    return status === 200 ? { body } : { body, code: Number(textOf(body, 'errorCode')) }
  }
}

function envelope(service: string, action: string, parameters: Arguments): string {
  const soap = 'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
  const encoding = 's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"'
  const inner = Object.entries(parameters).map(([name, value]) => `<${name}>${value}</${name}>`)
  const call = `<u:${action} xmlns:u="${service}">${inner.join('')}</u:${action}>`
  return `<?xml version="1.0"?><s:Envelope ${soap} ${encoding}><s:Body>${call}</s:Body></s:Envelope>`
}

/** The first service in a description that maps ports, on the machine that described itself and no other. */
function controlIn(description: string, location: URL): Control | undefined {
  for (const part of description.split('<service>').slice(1)) {
    const service = textOf(part, 'serviceType') ?? ''
    const path = textOf(part, 'controlURL') ?? ''
    if (!/^urn:schemas-upnp-org:service:WAN(IP|PPP)Connection:[12]$/.test(service)) continue
    if (!URL.canParse(path, location.href)) continue
    const url = new URL(path, location)
    if (url.protocol === 'http:' && url.hostname === location.hostname) return { url, service }
  }
  return undefined
}

/** The text of the first element of this name, whatever its prefix. */
function textOf(xml: string, name: string): string | undefined {
  return new RegExp(`<(?:\\w{1,20}:)?${name}>([^<]{0,500})<`).exec(xml)?.[1]?.trim()
}

interface ExchangeOptions {
  readonly method: 'GET' | 'POST'
  readonly signal: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

interface Answer {
  readonly status: number
  readonly body: string
}

/** One HTTP request; redirects are not followed. Throws `nat/gateway`. */
async function exchange(url: URL, { method, signal, headers, body }: ExchangeOptions): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const either = AbortSignal.any([signal, AbortSignal.timeout(requestTimeout)])
  const outgoing = request(url, { method, headers, signal: either, agent: false }, (response) => {
    const parts: Buffer[] = []
    let bytes = 0
    response.on('data', (part: Buffer) => {
      bytes += part.byteLength
      if (bytes > answerBytes) response.destroy(new Error(`more than ${answerBytes} bytes`))
      else parts.push(part)
    })
    response.on('error', reject)
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }))
  })
  outgoing.on('error', reject)
  outgoing.end(body)
  try {
    return await promise
  } catch (error) {
    throw fault(url, method, messageOf(error))
  }
}

function fault(url: URL, action: string, why: string): WaypostError {
  return new WaypostError('nat/gateway', { gateway: url.host, action, why })
}
