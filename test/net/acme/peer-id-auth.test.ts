import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import t from 'tap'
import { peerIdAuth, signedBytes } from '../../../src/net/acme/peer-id-auth.ts'
import { bytesOf, hexOf, readVectors } from '../../kit/vectors.ts'

const { hostname, clientKey, signing, handshake } = readVectors('peer-id-auth')
const privateKey = privateKeyFromProtobuf(bytesOf(clientKey))

function begin(name = hostname) {
  return peerIdAuth({ privateKey, hostname: name, challenge: handshake.challengeServer })
}

/** The value of a parameter in a header. */
function parameterIn(header: string, name: string): string {
  return new RegExp(`${name}="([^"]*)"`).exec(header)?.[1] ?? ''
}

t.test('the bytes that are signed are those of the specification', async (t) => {
  const parameters = {
    'challenge-server': signing.challengeServer,
    'client-public-key': bytesOf(signing.clientPublicKey),
    hostname,
  }
  t.equal(hexOf(signedBytes(parameters)), signing.data)
})

t.test('the handshake is the one of the specification, byte by byte', async (t) => {
  const auth = begin()
  t.equal(auth.first, handshake.first)
  const second = await auth.second(handshake.answer)
  t.same(Buffer.from(parameterIn(second, 'sig'), 'base64url'), Buffer.from(handshake.signature, 'base64url'))
  t.equal(parameterIn(second, 'opaque'), parameterIn(handshake.answer, 'opaque'))
})

t.test('a challenge is another one each time', async (t) => {
  const [one, other] = [peerIdAuth({ privateKey, hostname }), peerIdAuth({ privateKey, hostname })]
  t.not(one.first, other.first)
})

for (const { id, answer, says } of [
  { id: 'nothing', answer: '', says: /does not say who/ },
  { id: 'another scheme', answer: 'Basic realm="x"', says: /does not say who/ },
  { id: 'no signature', answer: handshake.answer.replace(/sig="[^"]*", /, ''), says: /does not say who/ },
  { id: 'a signature of others', answer: handshake.answer.replace('HQ7B', 'AQ7B'), says: /not good/ },
  { id: 'a signature of no form', answer: handshake.answer.replace(/sig="[^"]*"/, 'sig="AA"'), says: /not good/ },
  { id: 'a key of no kind', answer: handshake.answer.replace(/key="[^"]*"/, 'key="AAAA"'), says: /not good/ },
  { id: 'a header without end', answer: `${handshake.answer}, x="${'a'.repeat(2048)}"`, says: /does not say who/ },
])
  t.test(`a server that answers with ${id} is signed nothing for`, async (t) => {
    await t.rejects(begin().second(answer), { message: says })
  })

t.test('what a server signed for another name proves nothing', async (t) => {
  await t.rejects(begin('example.org').second(handshake.answer), { message: /not good/ })
})
