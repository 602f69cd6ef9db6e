/** Answers metadata requests with what we are now, and passes on what the peer said of itself. */
import type { ExchangeLimits, ExchangeService } from '../../net/exchange.ts'
import { decodeMetadata, encodeMetadata, type Metadata, metadataProtocol } from './codec.ts'
import { metadataLimits } from './limits.ts'

export interface MetadataParts {
  /** Our cluster, and the shards that we follow at this moment. */
  readonly ours: () => Metadata
  /** Takes what the peer with this id said in its request. */
  readonly heard: (peer: string, said: Metadata) => void
  readonly limits?: ExchangeLimits
}

/** Metadata as an exchange serves it. The protocol has no status: a request that is none ends with a reset. */
export function metadataService({ ours, heard, limits = metadataLimits }: MetadataParts): ExchangeService<Metadata> {
  return {
    protocol: metadataProtocol,
    name: 'metadata',
    limits,
    decode: decodeMetadata,
    answer(said, from) {
      heard(from, said)
      return encodeMetadata(ours())
    },
    refuse: () => undefined,
  }
}
