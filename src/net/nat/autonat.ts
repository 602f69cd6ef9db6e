/**
 * AutoNAT v2: peers try to dial our addresses and say how it went, and we do the same for them.
 *
 * The library dials whatever address it is asked for once the asker has sent some bytes, all addresses of a request, and
 * as often as it is asked. Here only the address that the asker himself comes from is dialled, once for a request, so
 * that nobody is knocked at who did not ask. And it looks for peers to ask by dialling strangers; here those who are
 * connected are asked.
 * https://github.com/libp2p/specs/blob/master/autonat/autonat-v2.md
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { autoNATv2 } from '@libp2p/autonat-v2'
import type { StreamHandler } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { hostOf } from '../addresses.ts'
import { isRelayed } from '../circuit/address.ts'
import { canonical, ownerOf } from '../networks.ts'
import { Quota } from '../quota.ts'

type Factory = ReturnType<typeof autoNATv2>
type Components = Parameters<Factory>[0]

const dialRequest = '/libp2p/autonat/2/dial-request'

/** How often we dial back for one owner of addresses, and for all: go-libp2p's. */
const rate = { perPeer: { volume: 12, period: 60_000 }, total: { volume: 60, period: 60_000 } }

/** Dials back at the same time: each may wait for as long as a dial may take. */
const mostAtOnce = 8

/** Who asks, and whether his dial is done. */
interface Asker {
  readonly address: string
  dialled: boolean
}

export interface AutonatParts {
  /** Peers agree that an address of ours can be dialled, or that it cannot. */
  readonly judged: (address: Multiaddr, reachable: boolean) => void
  /** Told of each wish for a dial back. */
  readonly asked: (allowed: boolean) => void
}

/** The service, client and server, bounded. */
export function autonat({ judged, asked }: AutonatParts): Factory {
  const quota = new Quota(rate)
  const askers = new AsyncLocalStorage<Asker>()
  let atWork = 0
  const guarded = (handler: StreamHandler): StreamHandler => {
    return async (stream, connection) => {
      const address = hostOf(connection.remoteAddr)
      const isDirect = address !== undefined && !isRelayed(connection.remoteAddr)
      const allowed = isDirect && atWork < mostAtOnce && quota.take(ownerOf(address))
      asked(allowed)
      if (!allowed) return stream.abort(new Error('no more dials back for now'))
      atWork += 1
      try {
        await askers.run({ address: canonical(address), dialled: false }, () => handler(stream, connection))
      } finally {
        atWork -= 1
      }
    }
  }
  return (components) => autoNATv2()(Object.create(components, pieces(components, { askers, guarded, judged })))
}

interface Pieces extends Pick<AutonatParts, 'judged'> {
  readonly askers: AsyncLocalStorage<Asker>
  readonly guarded: (handler: StreamHandler) => StreamHandler
}

/** What the library is given in place of libp2p's own parts. */
function pieces(components: Components, { askers, guarded, judged }: Pieces): PropertyDescriptorMap {
  const { registrar, connectionManager, addressManager } = components
  const handle: Components['registrar']['handle'] = (protocol, handler, options) =>
    registrar.handle(protocol, protocol === dialRequest ? guarded(handler) : handler, options)
  const isDialable: Components['connectionManager']['isDialable'] = async (address, options) => {
    const asker = askers.getStore()
    if (asker === undefined) return await connectionManager.isDialable(address, options)
    const host = Array.isArray(address) ? undefined : hostOf(address)
    if (asker.dialled || host === undefined || canonical(host) !== asker.address) return false
    asker.dialled = true
    return await connectionManager.isDialable(address, options)
  }
  const confirmObservedAddr: Components['addressManager']['confirmObservedAddr'] = (address, options) => {
    addressManager.confirmObservedAddr(address, options)
    judged(address, true)
  }
  const removeObservedAddr: Components['addressManager']['removeObservedAddr'] = (address) => {
    addressManager.removeObservedAddr(address)
    judged(address, false)
  }
  return {
    registrar: over(registrar, { handle }),
    connectionManager: over(connectionManager, { isDialable }),
    addressManager: over(addressManager, { confirmObservedAddr, removeObservedAddr }),
    randomWalk: { value: { async *walk() {} } },
  }
}

/** `part` with some of its methods replaced. */
function over<T extends object>(part: T, methods: Partial<T>): PropertyDescriptor {
  return { value: Object.assign(Object.create(part), methods) }
}
