import fc from 'fast-check'
import t from 'tap'
import { canonical, isLoopback, isPrivate, leadsInside, Networks, ownerOf } from '../../src/net/networks.ts'

t.test('networks hold the addresses in them', async (t) => {
  const networks = new Networks(['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '2001:db8::1'])
  for (const address of ['10.255.0.1', '192.0.2.7', '::ffff:10.0.0.1', 'fdff::1', '2001:db8::1'])
    t.ok(networks.has(address), address)
  for (const address of ['11.0.0.1', '192.0.2.8', 'fe00::1', '2001:db8::2', 'proxy.example', ''])
    t.notOk(networks.has(address), address)
})

t.test('what is no network is refused', async (t) => {
  for (const network of ['', 'proxy.example', '10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/8/8', '::/129'])
    t.throws(() => new Networks([network]), { code: 'net/bad-network', data: { network } }, network)
})

t.test('addresses of this machine and of private networks are known', async (t) => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) t.ok(isLoopback(address), address)
  for (const address of [
    '10.1.1.1',
    '172.31.0.1',
    '100.64.0.1',
    'fe80::1%eth0',
    'fc00::1',
    '224.0.0.1',
    '255.255.255.255',
    'ff02::1',
  ]) {
    t.ok(isPrivate(address), address)
    t.notOk(isLoopback(address), address)
  }
  for (const address of ['192.0.2.7', '172.32.0.1', '223.255.0.1', '2001:db8::1']) t.notOk(isPrivate(address), address)
})

t.test('what may lead to a private address is told from what is one', async (t) => {
  const doors = ['64:ff9b::a9fe:a9fe', '64:ff9b::7f00:1', '2002:7f00:1::', '::10.0.0.1', '::ffff:0:10.0.0.1', 'fec0::1']
  for (const address of [...doors, '192.0.0.1', '198.18.0.1']) {
    t.ok(leadsInside(address), address)
    t.notOk(isPrivate(address), address)
  }
  t.ok(leadsInside('10.1.1.1'))
  for (const address of ['192.0.2.7', '2001:db8::1', '64:ff9c::1']) t.notOk(leadsInside(address), address)
})

t.test('an address has one text, and a house of IPv6 one owner', async (t) => {
  for (const [address, text] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['2001:DB8::0a', '2001:db8:0:0:0:0:0:a'],
    ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:1'],
  ] as const)
    t.equal(canonical(address), text, address)
  t.equal(ownerOf('2001:db8:1:2:3:4:5:6'), ownerOf('2001:db8:1:2::1'))
  t.not(ownerOf('2001:db8:1:2::1'), ownerOf('2001:db8:1:3::1'))
  const once = fc.property(fc.ipV6(), (address) => canonical(canonical(address)) === canonical(address))
  t.doesNotThrow(() => fc.assert(once))
})
