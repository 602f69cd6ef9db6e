/** How many peers of each kind a node wants. Pure. */

/** What the settings say. */
export interface TargetSettings {
  readonly maxConnections: number
  /** Of max-connections, the part for relay: 0 to 1 (`--relay-service-ratio`, `--max-relay-peers`). */
  readonly relayShare: number
}

export interface Targets {
  /** Relay peers that dialled us, at the most. */
  readonly relayIn: number
  /** Relay peers that we dialled: at the most, however many shards there are. */
  readonly relayOut: number
}

/** Relay peers for each shard: as many as a gossip mesh has (D). */
const perShard = 6

/** Relay peers at the least, of whatever shards. */
const leastPeers = 10

/** As nwaku has it: a third of the relay peers are dialled, the others come in. */
export function targetsOf({ maxConnections, relayShare }: TargetSettings): Targets {
  const relay = Math.ceil(maxConnections * relayShare)
  const relayOut = Math.floor(relay / 3)
  return { relayIn: relay - relayOut, relayOut }
}

/**
 * Of the peers of a shard, those that we have dialled at the least: whoever dials us may be sent by one attacker, whom we
 * dial is our choice. More than gossipsub's Dout.
 */
export const dialledPerShard = 3

/** Peers in the gossip mesh of a shard at the least: gossipsub's Dlo. */
export const leastInMesh = 4

/** How many relay peers to have in all, and for each of so many shards that we follow. */
export function relayTarget({ relayOut }: Targets, shards: number): { readonly all: number; readonly shard: number } {
  if (shards === 0) return { all: 0, shard: 0 }
  const all = Math.min(relayOut, Math.max(leastPeers, perShard * shards))
  return { all, shard: Math.max(1, Math.min(perShard, all)) }
}
