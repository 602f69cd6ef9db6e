import t from 'tap'
import { limitsOf } from '../../src/node/host.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'

const limits = (...argv: readonly string[]) => limitsOf(resolveSettings({ argv }).settings)

t.test('peers that are remembered are five for each connection, or as many as peer-store-capacity says', async (t) => {
  t.equal(limits().knownPeers, 1500)
  t.equal(limits('--max-connections=100').knownPeers, 500)
  t.equal(limits('--max-connections=100', '--peer-store-capacity=70').knownPeers, 70)
})

t.test('a tenth of the connections is kept for peers whom the node dials, a network has a quarter', async (t) => {
  t.match(limits('--max-connections=400'), { reservedConnections: 40, connectionsPerSubnet: 100 })
  t.match(limits('--ip-colocation-limit=0'), { connectionsPerAddress: 0, connectionsPerSubnet: 0 })
})
