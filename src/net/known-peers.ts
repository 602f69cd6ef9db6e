/**
 * Bounds libp2p's peer store, which keeps what every peer has said about itself for hours after it has gone: whoever
 * connects again and again under new ids would fill the memory.
 */
import type { Libp2p, PeerId } from '@libp2p/interface'

export interface KnownPeersParts {
  readonly libp2p: Pick<Libp2p, 'peerId' | 'peerStore' | 'addEventListener'>
  /** Peers kept that are not connected. Above it the one that was known longest is forgotten. */
  readonly capacity: number
}

/** Forgets peers from now on. Those with a tag (the ones that we chose) stay. Returns how many are away. */
export function boundKnownPeers({ libp2p, capacity }: KnownPeersParts): () => number {
  /** Peers that are not connected, the first to be forgotten first. */
  const away = new Map<string, PeerId>()
  const left = (peer: PeerId): void => {
    away.set(peer.toString(), peer)
    const [oldest] = away.values()
    if (away.size > capacity && oldest !== undefined) forget(oldest)
  }
  const forget = (peer: PeerId): void => {
    away.delete(peer.toString())
    void forgetPeer(libp2p, peer)
  }
  libp2p.addEventListener('peer:connect', ({ detail }) => away.delete(detail.toString()))
  libp2p.addEventListener('peer:disconnect', ({ detail }) => left(detail))
  // Heard of from others, not met.
  libp2p.addEventListener('peer:discovery', ({ detail: { id } }) => id.equals(libp2p.peerId) || left(id))
  return () => away.size
}

async function forgetPeer({ peerStore }: KnownPeersParts['libp2p'], peer: PeerId): Promise<void> {
  try {
    const { tags } = await peerStore.get(peer)
    if (tags.size === 0) await peerStore.delete(peer)
  } catch {
    // Not there any more, which is what was wanted.
  }
}
