/** Asks a peer for others, and believes of what it says only what is signed by those of whom it says it. */
import { setImmediate } from 'node:timers/promises'
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isWaypostError, WaypostError } from '../../core/errors.ts'
import { decodeEnr, type Enr } from '../../net/discovery/enr.ts'
import { type RequestOptions, request } from '../../net/exchange.ts'
import { decodeResponse, encodeQuery, peerExchangeProtocol, Status } from './codec.ts'
import { askedRecords, askLimits } from './limits.ts'

/** What a peer told of. */
export interface Exchanged {
  /** Records whose signatures fit. */
  readonly records: readonly Enr[]
  /** How many did not. */
  readonly refused: number
}

export interface AskOptions extends Partial<RequestOptions> {
  readonly count?: number
}

/** Throws `client/refused` with the peer's status, `wire/malformed`, and what `request` throws: `wire/...` or a failed dial. */
export async function askForPeers(
  libp2p: Pick<Libp2p, 'dialProtocol'>,
  peer: PeerId | Multiaddr,
  { count = askedRecords, ...options }: AskOptions = {},
): Promise<Exchanged> {
  const body = await request(libp2p, peer, peerExchangeProtocol, encodeQuery(count), { ...askLimits, ...options })
  const { records, status, reason } = decodeResponse(body)
  if (status !== Status.success)
    throw new WaypostError('client/refused', {
      protocol: peerExchangeProtocol,
      status,
      reason: reason.slice(0, maxReason),
    })
  return await verified(records)
}

/** Characters of a peer's reason that go into an error. */
const maxReason = 200

/** A signature takes a millisecond, so others get their turn after each. */
async function verified(all: readonly Uint8Array[]): Promise<Exchanged> {
  const records: Enr[] = []
  for (const bytes of all) {
    const record = recordIn(bytes)
    if (record !== undefined) records.push(record)
    await setImmediate()
  }
  return { records, refused: all.length - records.length }
}

/** The frame goes on to be somebody else's memory: a record that is kept has bytes of its own. */
function recordIn(bytes: Uint8Array): Enr | undefined {
  try {
    return decodeEnr(Uint8Array.from(bytes))
  } catch (error) {
    if (isWaypostError(error, 'enr/malformed')) return undefined
    throw error
  }
}
