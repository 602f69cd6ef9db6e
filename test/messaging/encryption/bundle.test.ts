import t from 'tap'
import { judgeBundle, maxDevices, signBundle } from '../../../src/messaging/encryption/bundle.ts'
import { type Bundle, bundle, type SignedPrekey } from '../../../src/messaging/encryption/protocol-message.ts'
import { compress, KeyPair, uncompress } from '../../../src/messaging/keys.ts'

const owner = KeyPair.generate()
const now = 1_700_000_000_123_456_789n

function prekey(version = 0): SignedPrekey {
  return { key: KeyPair.generate().publicKey, version, protocolVersion: 1 }
}

/** As it comes from the wire. */
function signed(prekeys: ReadonlyMap<string, SignedPrekey>, timestamp = now): Bundle {
  return bundle.decode(bundle.encode(signBundle(owner, prekeys, timestamp)))
}

const sound = signed(
  new Map([
    ['b', prekey(3)],
    ['a', prekey()],
  ]),
)

t.test('a bundle is sound for its owner, in whatever order its devices stand', async (t) => {
  t.equal(judgeBundle(sound, owner.publicKey), 'sound')
  t.equal(judgeBundle(sound, uncompress(owner.publicKey)), 'sound')
  const turned = { ...sound, prekeys: new Map([...sound.prekeys].reverse()) }
  t.equal(judgeBundle(turned, owner.publicKey), 'sound')
})

t.test('a bundle of another than the sender is not kept', async (t) => {
  const other = KeyPair.generate().publicKey
  t.equal(judgeBundle(sound, other), 'of-another')
  t.equal(judgeBundle({ ...sound, identity: compress(other) }, other), 'forged')
})

t.test('any change of what is signed is found', async (t) => {
  const [first, second] = [...sound.prekeys]
  if (first === undefined || second === undefined) throw new Error('two devices are in it')
  const changes: Partial<Bundle>[] = [
    { timestamp: sound.timestamp + 1n },
    { timestamp: 0n },
    { prekeys: new Map([first]) },
    { prekeys: new Map([first, ['c', second[1]]]) },
    {
      prekeys: new Map([
        [first[0], second[1]],
        [second[0], first[1]],
      ]),
    },
    { prekeys: new Map([first, [second[0], { ...second[1], version: second[1].version + 1 }]]) },
    { prekeys: new Map([...sound.prekeys, ['c', prekey()]]) },
    { signature: Buffer.alloc(65) },
    { signature: sound.signature.subarray(1) },
  ]
  for (const change of changes) t.equal(judgeBundle({ ...sound, ...change }, owner.publicKey), 'forged')
  t.equal(judgeBundle({ ...sound, prekeys: new Map() }, owner.publicKey), 'malformed')
  t.equal(judgeBundle(signed(new Map([['a', { ...prekey(), key: new Uint8Array(33) }]])), owner.publicKey), 'malformed')
})

t.test('a bundle without a timestamp is signed without one', async (t) => {
  t.equal(judgeBundle(signed(new Map([['a', prekey()]]), 0n), owner.publicKey), 'sound')
})

t.test('three devices have room in a bundle, a fourth is refused', async (t) => {
  const devices = (count: number) => new Map(Array.from({ length: count }, (_, n) => [`device ${n}`, prekey()]))
  t.equal(judgeBundle(signed(devices(maxDevices)), owner.publicKey), 'sound')
  t.throws(() => signBundle(owner, devices(maxDevices + 1), now), { code: 'bundle/too-many-devices' })
})
