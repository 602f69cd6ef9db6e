/** History for REST: this node's own archive, and that of others. */
import type { Libp2p } from '@libp2p/interface'
import type { Archive } from '../archive/archive.ts'
import type { Query } from '../core/query.ts'
import { newRequestId } from '../protocols/request-id.ts'
import { StoreClient } from '../protocols/store/client.ts'
import type { AskedPage, StoreService } from '../rest/routes/store.ts'
import { peerAddress } from './peer-address.ts'
import type { ServicePeers } from './service-peers.ts'

export interface RestStoreParts {
  readonly libp2p: Pick<Libp2p, 'dialProtocol'>
  readonly maxMessageBytes: number
  /** Absent when this node keeps no messages. */
  readonly archive: Archive | undefined
  readonly peers: ServicePeers
}

export class RestStore implements StoreService {
  readonly own: Archive | undefined
  readonly #client: StoreClient
  readonly #peers: ServicePeers

  constructor({ libp2p, maxMessageBytes, archive, peers }: RestStoreParts) {
    this.own = archive
    this.#client = new StoreClient({ libp2p, maxMessageBytes })
    this.#peers = peers
  }

  ask(query: Query, address?: string): Promise<AskedPage> {
    const requestId = newRequestId()
    return this.#peers.ask(
      'store',
      async (peer, options) => ({ requestId, ...(await this.#client.query(peer, query, { ...options, requestId })) }),
      address === undefined ? undefined : peerAddress(address),
    )
  }
}
