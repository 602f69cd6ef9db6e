import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { countSubnets, subnetsIn } from '../../../src/net/peer-manager/traits.ts'

t.test('a record stands for the networks of all its addresses, each once', async (t) => {
  const addresses = [
    '/dns4/example.org/tcp/60000',
    '/ip4/8.8.4.4/tcp/60000',
    '/ip4/192.168.1.1/tcp/60000',
    '/ip4/8.8.4.9/tcp/8000/ws',
    '/ip4/9.9.9.9/tcp/60000',
    '/ip6/2001:4860::1/tcp/60000',
  ].map((address) => multiaddr(address))
  t.same(subnetsIn({ addresses }), ['8.8.4.0/24', '9.9.9.0/24', '2001:4860:0::/48'], 'names and private ones have none')
  t.same(subnetsIn({ addresses: addresses.slice(0, 1) }), [])
})

t.test('networks are counted, and those that are none are not', async (t) => {
  t.same(
    countSubnets(['8.8.4.0/24', undefined, '9.9.9.0/24', '8.8.4.0/24']),
    new Map([
      ['8.8.4.0/24', 2],
      ['9.9.9.0/24', 1],
    ]),
  )
})
