/** Asks a peer for its cluster and shards, telling it ours in the same request. */
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type RequestOptions, request } from '../../net/exchange.ts'
import { decodeMetadata, encodeMetadata, type Metadata, metadataProtocol } from './codec.ts'
import { neighbourLimits } from './limits.ts'

/** What `peer` says of itself. Throws `wire/malformed`, and what `request` throws: `wire/...` or a failed dial. */
export async function askMetadata(
  libp2p: Pick<Libp2p, 'dialProtocol'>,
  peer: PeerId | Multiaddr,
  ours: Metadata,
  options: Partial<RequestOptions> = {},
): Promise<Metadata> {
  const { responseBytes, timeout } = neighbourLimits
  const limits = { responseBytes, timeout, ...options }
  return decodeMetadata(await request(libp2p, peer, metadataProtocol, encodeMetadata(ours), limits))
}
