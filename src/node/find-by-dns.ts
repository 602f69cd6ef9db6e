/** Peers from trees of node records in DNS: `--dns-discovery-url`. */

import { messageOf } from '../core/errors.ts'
import { startDnsDiscovery } from '../net/discovery/dns/index.ts'
import { txtResolver } from '../net/discovery/dns/resolver.ts'
import type { Enr } from '../net/discovery/enr.ts'
import { foundIn } from '../net/discovery/found.ts'
import type { Finder, FinderParts } from './finders.ts'

export async function findByDns({ settings, folder, pool, metrics, log }: FinderParts): Promise<Finder | undefined> {
  const { dnsDiscoveryUrl: urls, dnsAddrsNameServer } = settings
  if (urls.length === 0) return undefined
  const found = (record: Enr): void => {
    try {
      pool.add(foundIn(record, 'dns'))
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'node record of a tree left out')
    }
  }
  const resolver = txtResolver(dnsAddrsNameServer)
  return startDnsDiscovery({
    urls,
    resolver,
    found,
    lastGood: folder.treesFile,
    metrics,
    log: log.child({ part: 'dns' }),
  })
}
