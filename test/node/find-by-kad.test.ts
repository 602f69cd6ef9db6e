/** Nodes that know one other find each other by the DHT, and a node that wants a store finds the one that there is. */
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import type { Daemon } from '../kit/daemon.ts'
import { scrapeUntil } from '../kit/scrape.ts'
import { networkDaemon } from '../kit/twins.ts'

/** Milliseconds between two looks at who is connected. */
const pause = 200

/** By the DHT alone. */
const alone = [
  '--kad-discovery=true',
  '--rendezvous=false',
  '--peer-exchange=false',
  '--rest=true',
  '--rest-admin=true',
]

async function peersOf({ restUrl }: Daemon): Promise<string> {
  return await (await fetch(`${restUrl}/admin/v1/peers/connected`)).text()
}

t.test('five nodes that know one of them find each other, and the one store, by the DHT alone', async (t) => {
  const first = await networkDaemon(t, { flags: alone })
  const flags = [...alone, `--kad-bootstrap-node=${first.tcp}`]
  const nodes: Daemon[] = []
  for (const extra of [['--store=true'], [], []]) nodes.push(await networkDaemon(t, { flags: [...flags, ...extra] }))
  const [store] = nodes
  const wanting = await networkDaemon(t, { flags: [...flags, '--relay=false'] })
  for (const one of nodes)
    for (const other of nodes)
      if (one !== other) while (!(await peersOf(one)).includes(other.peerId)) await setTimeout(pause)
  while (!(await peersOf(wanting)).includes(store?.peerId ?? '')) await setTimeout(pause)
  const asked = await fetch(`${wanting.restUrl}/store/v3/messages`)
  t.equal(asked.status, 200, 'the store answers through the node that found it')
  for (const one of [...nodes, wanting])
    t.ok(await scrapeUntil(one, (metrics) => Number(metrics.sum('waypost_found_peers_total', { source: 'kad' })) > 0))
})
