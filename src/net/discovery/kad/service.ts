/** What we do for other nodes of the DHT: keep their records, give out those that we have, and tell who is closer. */
import { WaypostError } from '../../../core/errors.ts'
import type { ExchangeLimits, ExchangeService } from '../../exchange.ts'
import { type Contact, decodeKad, encodeKad, type KadMessage, kadProtocol, Type } from './codec.ts'
import { openExtensible } from './extensible-record.ts'
import { keyOfPeer, placeOf } from './ids.ts'
import type { KeptRecords } from './kept-records.ts'
import { k, kadLimits } from './limits.ts'
import type { Table } from './table.ts'

export interface KadServiceParts {
  readonly table: Table
  readonly kept: KeptRecords
  /** Our own record, when we are in the DHT ourselves, and its key. */
  readonly own: () => { readonly key: Uint8Array; readonly envelope: Uint8Array } | undefined
  readonly limits?: ExchangeLimits
}

export function kadService({ table, kept, own, limits = kadLimits }: KadServiceParts): ExchangeService<KadMessage> {
  const closer = (key: Uint8Array, from: string): Contact[] =>
    table.closest(placeOf(key), k).filter(({ peerId }) => peerId.toString() !== from)
  const valueUnder = (key: Uint8Array): Uint8Array | undefined => {
    const ours = own()
    return ours !== undefined && Buffer.compare(ours.key, key) === 0 ? ours.envelope : kept.get(key)
  }
  const answers: Readonly<Record<number, (request: KadMessage, from: string) => Promise<KadMessage> | KadMessage>> = {
    [Type.putValue]: (request, from) => keep(kept, request, from),
    [Type.getValue]: ({ type, key }, from) => ({ type, key, value: valueUnder(key), closer: closer(key, from) }),
    [Type.findNode]: ({ type, key }, from) => ({ type, key, closer: closer(key, from) }),
    [Type.ping]: ({ type, key }) => ({ type, key, closer: [] }),
  }
  return {
    protocol: kadProtocol,
    name: 'kad',
    limits,
    decode: decodeKad,
    async answer(request, from) {
      const answer = answers[request.type]
      if (answer === undefined) throw malformed(`type ${request.type}`)
      return encodeKad(await answer(request, from))
    },
    // The protocol has no word for it: the stream is reset.
    refuse: () => undefined,
  }
}

/** A peer puts its own record, under its own id, and nobody else's. What was kept goes back, as the specification has it. */
async function keep(kept: KeptRecords, request: KadMessage, from: string): Promise<KadMessage> {
  const { key, value } = request
  if (value === undefined) throw malformed('no record')
  const record = await openExtensible(value)
  const isOfKey = Buffer.compare(keyOfPeer(record.peerId), key) === 0
  if (!isOfKey || record.peerId.toString() !== from) throw malformed('a record of another peer')
  if (!kept.put(record, value)) throw malformed('an older record than one that is here')
  return { ...request, closer: [] }
}

function malformed(why: string): WaypostError {
  return new WaypostError('wire/malformed', { what: 'Kademlia request', why })
}
