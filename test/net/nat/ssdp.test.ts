import t from 'tap'
import { findGateways, locationIn } from '../../../src/net/nat/ssdp.ts'
import { router } from '../../kit/router.ts'

const from = { address: '192.168.1.1' }

function answer(location: string, status = 'HTTP/1.1 200 OK'): Buffer {
  return Buffer.from(`${status}\r\nST: x\r\nLocation: ${location}\r\n\r\n`)
}

t.test('an answer is believed about the machine that sent it', async (t) => {
  t.equal(locationIn(answer('http://192.168.1.1:5000/d.xml'), from)?.href, 'http://192.168.1.1:5000/d.xml')
})

const refused = [
  { id: 'another machine', location: 'http://192.168.1.2/d.xml' },
  { id: 'a name', location: 'http://router.example/d.xml' },
  { id: 'another scheme', location: 'file:///etc/passwd' },
  { id: 'https', location: 'https://192.168.1.1/d.xml' },
  { id: 'no address at all', location: 'nonsense' },
  { id: 'an address that is written otherwise', location: 'http://192.168.1.1.example/d.xml' },
]
for (const { id, location } of refused)
  t.test(`an answer that sends us elsewhere is not: ${id}`, async (t) => {
    t.equal(locationIn(answer(location), from), undefined)
  })

t.test('an answer from a public address, one of another status and one that is too long are not either', async (t) => {
  t.equal(locationIn(answer('http://8.8.8.8/d.xml'), { address: '8.8.8.8' }), undefined)
  t.equal(locationIn(answer('http://192.168.1.1/d.xml', 'NOTIFY * HTTP/1.1'), from), undefined)
  t.equal(locationIn(answer(`http://192.168.1.1/${'d'.repeat(2048)}`), from), undefined)
})

t.test('a router that answers is found, with our address on its network', async (t) => {
  const { target } = await router(t)
  const found = await findGateways({ localAddresses: ['127.0.0.1'], target, signal: new AbortController().signal })
  t.match(found, [{ localAddress: '127.0.0.1', location: /^http:\/\/127\.0\.0\.1:\d+\/description\.xml$/ }])
})

t.test('a network where nobody answers has no router, and an address that is not ours is no error', async (t) => {
  const silent = { address: '127.0.0.1', port: 9 }
  const localAddresses = ['127.0.0.1', '192.0.2.1']
  t.same(await findGateways({ localAddresses, target: silent, signal: new AbortController().signal }), [])
})
