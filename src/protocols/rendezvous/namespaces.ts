/** The names under which peers put up their records: `rs/<cluster>/<shard>`, and with what they serve (WAKU-RENDEZVOUS; nwaku). */
import { shardsPerCluster } from '../../core/topics.ts'
import type { Capability } from '../../net/discovery/node-record.ts'
import { maxNamespaceBytes } from './limits.ts'

/** As nwaku names them. */
const words: Readonly<Record<Capability, string>> = {
  relay: 'Relay',
  store: 'Store',
  filter: 'Filter',
  lightpush: 'Lightpush',
  sync: 'Sync',
  mix: 'Mix',
}

export interface Namespace {
  readonly cluster: number
  /** Absent: `rs/<cluster>/mix`, which is nwaku's alone. */
  readonly shard?: number | undefined
  readonly capability?: Capability | undefined
}

/** A namespace of a shard. */
export type Place = Namespace & { readonly shard: number }

export function namespaceOf({ cluster, shard, capability }: Place): string {
  const plain = `rs/${cluster}/${shard}`
  return capability === undefined ? plain : `${plain}/${words[capability]}`
}

/** Undefined for a name of another form. */
export function parseNamespace(text: string): Namespace | undefined {
  if (Buffer.byteLength(text) > maxNamespaceBytes) return undefined
  const [, cluster = '', place = '', word] = /^rs\/(\d{1,5})\/(\d{1,4}|mix)(?:\/(\w+))?$/.exec(text) ?? []
  if (place === 'mix') return word === undefined ? { cluster: Number(cluster), capability: 'mix' } : undefined
  const capability = word === undefined ? undefined : capabilityOf(word)
  const shard = Number(place)
  const isNone = cluster === '' || shard >= shardsPerCluster || (word !== undefined && capability === undefined)
  return isNone ? undefined : { cluster: Number(cluster), shard, capability }
}

function capabilityOf(word: string): Capability | undefined {
  return (Object.keys(words) as Capability[]).find((capability) => words[capability] === word)
}
