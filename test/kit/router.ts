/**
 * A router that maps ports, on loopback: SSDP answers and the SOAP service of an InternetGatewayDevice, as far as a host
 * asks for them. It keeps its mappings, and misbehaves as it is told.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Owner } from './owner.ts'

export interface RouterOptions {
  /** What it says that our address is. */
  externalAddress?: string
  /** Outer ports that belong to somebody else. */
  taken?: readonly number[]
  /** Takes no mapping that ends. */
  onlyPermanent?: boolean
  /** Never answers this action. */
  hangsAt?: string
  /** Answers actions with this many bytes. */
  flood?: number
  /** Where it says that it is described. */
  location?: string
  /** Where it is, and answers multicast; otherwise on loopback, on a port of its own. */
  address?: string
}

export interface Router {
  /** Where to send the question. */
  readonly target: { readonly address: string; readonly port: number }
  /** `TCP 60000` to the inner host and port, and the seconds that are left to it. */
  readonly mappings: Map<string, { readonly to: string; readonly lease: number }>
  /** Names of the actions asked for, in order. */
  readonly asked: string[]
  readonly options: RouterOptions
  /** Settles when `action` has been asked for so many times. */
  until(action: string, times?: number): Promise<void>
}

const service = 'urn:schemas-upnp-org:service:WANIPConnection:1'

const description = `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><serviceList>
<service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType><controlURL>/other</controlURL></service>
</serviceList><deviceList><device><serviceList>
<service><serviceType>${service}</serviceType><controlURL>/control</controlURL></service>
</serviceList></device></deviceList></device></root>`

export async function router(t: Owner, options: RouterOptions = {}): Promise<Router> {
  const mappings: Router['mappings'] = new Map()
  const asked: string[] = []
  const waiting = new Set<() => void>()
  const server = createServer(async (request, response) => {
    if (request.method === 'GET') {
      response.end(description)
      return
    }
    const body = await text(request)
    const action = /#(\w+)"/.exec(String(request.headers.soapaction))?.[1] ?? ''
    asked.push(action)
    answer(action, body, response, { mappings, options })
    for (const look of [...waiting]) look()
  }).listen(0, options.address ?? '127.0.0.1')
  const socket = createSocket('udp4')
  if (options.address === undefined) socket.bind(0, '127.0.0.1')
  else socket.bind(1900, () => socket.addMembership('239.255.255.250', options.address))
  await Promise.all([once(server, 'listening'), once(socket, 'listening')])
  const own = `http://${options.address ?? '127.0.0.1'}:${(server.address() as AddressInfo).port}/description.xml`
  socket.on('message', (question, { address, port }) => {
    if (!question.toString().includes('InternetGatewayDevice:1')) return
    const location = options.location ?? own
    socket.send(`HTTP/1.1 200 OK\r\nST: ${service}\r\nLOCATION: ${location}\r\n\r\n`, port, address)
  })
  t.teardown(async () => {
    socket.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const until = (action: string, times = 1): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (asked.filter((one) => one === action).length < times) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  return { target: socket.address(), mappings, asked, options, until }
}

/** Of each action, its answer: the elements in it, or the code of an error. */
const actions: Readonly<Record<string, (field: (name: string) => string, parts: ActionParts) => string | number>> = {
  GetExternalIPAddress: (_, { options: { externalAddress = '8.8.4.4' } }) =>
    `<NewExternalIPAddress>${externalAddress}</NewExternalIPAddress>`,
  DeletePortMapping: (field, { mappings }) => (mappings.delete(keyIn(field)) ? '' : 714),
  AddPortMapping(field, { mappings, options: { taken, onlyPermanent } }) {
    const lease = Number(field('NewLeaseDuration'))
    if (taken?.includes(Number(field('NewExternalPort')))) return 718
    if (onlyPermanent && lease > 0) return 725
    mappings.set(keyIn(field), { to: `${field('NewInternalClient')}:${field('NewInternalPort')}`, lease })
    return ''
  },
}

type ActionParts = Pick<Router, 'mappings' | 'options'>

function keyIn(field: (name: string) => string): string {
  return `${field('NewProtocol')} ${field('NewExternalPort')}`
}

function answer(action: string, body: string, response: ServerResponse, parts: ActionParts): void {
  const { hangsAt, flood } = parts.options
  if (action === hangsAt) return
  const field = (name: string): string => new RegExp(`<${name}>([^<]*)<`).exec(body)?.[1] ?? ''
  const result = actions[action]?.(field, parts) ?? 401
  const error = `<detail><UPnPError><errorCode>${result}</errorCode></UPnPError></detail>`
  const inner = typeof result === 'number' ? error : `<u:${action}Response>${result}</u:${action}Response>`
  if (typeof result === 'number') response.statusCode = 500
  response.end(`<s:Envelope><s:Body>${inner}${'x'.repeat(flood ?? 0)}</s:Body></s:Envelope>`)
}
