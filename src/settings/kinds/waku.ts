/** Values in Waku's words: content topics, protected shards, where the archive is. */
import path from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { parseDatabaseUrl, shownDatabaseUrl } from '../../core/postgres-url.ts'
import { parseContentTopic, parsePubsubTopic, shardsPerCluster } from '../../core/topics.ts'
import { type Kind, Misfit, misfit } from './kind.ts'

/** A content topic: 23/WAKU2-TOPICS. */
export const contentTopic: Kind<string> = {
  type: 'topic',
  form: '/<application>/<version>/<name>/<encoding>',
  parse(text) {
    try {
      parseContentTopic(text)
      return text
    } catch (error) {
      return new Misfit(messageOf(error))
    }
  },
  show: (value) => value,
}

/** A shard on which only messages signed with the key pass. */
export interface ProtectedShard {
  /** Given when the shard was written as a pubsub topic. */
  readonly cluster?: number
  readonly shard: number
  /** secp256k1, compressed or not, lower-case hexadecimal. */
  readonly publicKey: string
}

/** `shard:key`; nwaku's older form has a pubsub topic in place of the shard. */
export const protectedShard: Kind<ProtectedShard> = {
  type: 'shard:key',
  form: '<shard>:<public key in hex>',
  parse(text) {
    const [shard, key = '', rest] = text.trim().split(':')
    const where = shardFrom(shard ?? '')
    const publicKey = key.toLowerCase()
    const isKey = /^(0[23][0-9a-f]{64}|04[0-9a-f]{128})$/.test(publicKey)
    if (where === undefined || rest !== undefined) return misfit(text, 'is not of the form <shard>:<public key>')
    return isKey ? { ...where, publicKey } : misfit(text, 'has no secp256k1 public key of 66 or 130 hexadecimal digits')
  },
  show({ cluster, shard, publicKey }) {
    return `${cluster === undefined ? shard : `/waku/2/rs/${cluster}/${shard}`}:${publicKey}`
  },
}

function shardFrom(text: string): { cluster?: number; shard: number } | undefined {
  if (/^\d{1,4}$/.test(text)) return Number(text) < shardsPerCluster ? { shard: Number(text) } : undefined
  return parsePubsubTopic(text)
}

/** Where the archive is. */
export type StoreUrl =
  | { readonly engine: 'leveldb'; readonly path: string }
  | { readonly engine: 'sqlite'; readonly path: string }
  | { readonly engine: 'postgres'; readonly url: string }

/** `leveldb://<path>`, or one of nwaku's `sqlite://<path>` and `postgres://<user>:<password>@<host>:<port>/<database>`. */
export const storeUrl: Kind<StoreUrl> = {
  type: 'url',
  form: 'leveldb://<path>, sqlite://<path> or postgres://<user>:<password>@<host>:<port>[,<host>:<port>]/<database>',
  secret: 'part',
  parse(text, folder) {
    const match = /^(leveldb|sqlite3?|postgres(?:ql)?):\/\/(.+)$/i.exec(text.trim())
    if (match === null) return new Misfit('not a URL of leveldb, sqlite or postgres')
    const engine = match[1]?.toLowerCase() ?? ''
    if (engine === 'leveldb') return { engine, path: path.resolve(folder, match[2] ?? '') }
    if (engine.startsWith('sqlite')) return { engine: 'sqlite', path: path.resolve(folder, match[2] ?? '') }
    const servers = parseDatabaseUrl(text)
    return 'problem' in servers ? new Misfit(servers.problem) : { engine: 'postgres', url: text.trim() }
  },
  show: (value) => (value.engine === 'postgres' ? shownDatabaseUrl(value.url) : `${value.engine}://${value.path}`),
}
