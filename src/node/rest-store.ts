/** History for REST: this node's own archive, and that of others. */
import type { Libp2p } from '@libp2p/interface'
import type { Archive } from '../archive/archive.ts'
import type { LegacyPage, LegacyQuery } from '../core/legacy-query.ts'
import type { Query } from '../core/query.ts'
import { newRequestId } from '../protocols/request-id.ts'
import { StoreClient } from '../protocols/store/client.ts'
import { queryLegacy } from '../protocols/store/legacy-client.ts'
import { LegacyHistory } from '../protocols/store/legacy-history.ts'
import { isUnsupported } from '../protocols/unsupported.ts'
import type { LegacyStoreService } from '../rest/routes/legacy-store.ts'
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
  readonly legacy: LegacyStoreService
  readonly #client: StoreClient
  readonly #peers: ServicePeers

  constructor(parts: RestStoreParts) {
    this.own = parts.archive
    this.legacy = new RestLegacyStore(parts)
    this.#client = new StoreClient(parts)
    this.#peers = parts.peers
  }

  ask(query: Query, address?: string): Promise<AskedPage> {
    const requestId = newRequestId()
    return this.#peers.ask(
      'store',
      async (peer, options) => ({ requestId, ...(await this.#client.query(peer, query, { ...options, requestId })) }),
      { peer: address === undefined ? undefined : peerAddress(address) },
    )
  }
}

class RestLegacyStore implements LegacyStoreService {
  readonly own: LegacyHistory | undefined
  readonly #parts: RestStoreParts

  constructor(parts: RestStoreParts) {
    this.own = parts.archive && new LegacyHistory(parts.archive)
    this.#parts = parts
  }

  /** By version 2; a node that has only version 3 is asked by that, and its answer told in the terms of version 2. */
  ask(query: LegacyQuery, address?: string): Promise<LegacyPage> {
    const { libp2p, maxMessageBytes, peers } = this.#parts
    const client = new StoreClient(this.#parts)
    return peers.ask(
      'legacyStore',
      async (peer, options) => {
        try {
          return await queryLegacy(libp2p, peer, query, maxMessageBytes, options)
        } catch (error) {
          if (!isUnsupported(error)) throw error
          return await new LegacyHistory({ query: (asked) => client.query(peer, asked, options) }).query(query)
        }
      },
      { peer: address === undefined ? undefined : peerAddress(address) },
    )
  }
}
