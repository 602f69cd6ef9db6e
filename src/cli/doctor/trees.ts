/** The trees of node records in DNS: whether they can be read, and name nodes of our network. Asks name servers, so only when one wants it. */
import { messageOf } from '../../core/errors.ts'
import type { Settings } from '../../settings/table.ts'
import { type Examined, type Finding, fail, ok, warn } from './check.ts'

export async function checkTrees({ settings, lookUp }: Examined): Promise<Finding[]> {
  if (!lookUp) return []
  return await Promise.all(settings.dnsDiscoveryUrl.map((url) => checkTree(url, settings)))
}

async function checkTree(url: string, settings: Settings): Promise<Finding> {
  try {
    return await judge(url, settings)
  } catch (error) {
    return fail(messageOf(error), `the node finds nobody by it: waypost dns-tree check ${url}`)
  }
}

async function judge(url: string, { dnsAddrsNameServer, clusterId }: Settings): Promise<Finding> {
  // What deals with signatures is heavy to load.
  const { fetchTree } = await import('../../net/discovery/dns/client.ts')
  const { txtResolver } = await import('../../net/discovery/dns/resolver.ts')
  const { parseTreeUrl } = await import('../../net/discovery/dns/tree.ts')
  const { readRecord } = await import('../../net/discovery/node-record.ts')
  const to = parseTreeUrl(url)
  const { records, troubles } = await fetchTree(to, { resolve: txtResolver(dnsAddrsNameServer) })
  const ours = records.filter((record) => (readRecord(record).shards?.cluster ?? clusterId) === clusterId)
  const says = `the tree at ${to.domain} names ${records.length} nodes, ${ours.length} of cluster ${clusterId}`
  const [trouble] = troubles
  if (trouble !== undefined) return warn(`${says}; ${trouble.reason}`, `waypost dns-tree check ${url}`)
  return ours.length > 0 ? ok(says) : warn(says, 'is it the tree of this network, and --cluster-id right?')
}
