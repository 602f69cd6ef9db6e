/** What a device knows of communities, and what it says of its own. */
import t from 'tap'
import { device, TestNetwork } from './kit.ts'

t.test('who follows a community has what it says of itself, and of its channels, when that resolves', async (t) => {
  const network = new TestNetwork()
  const owner = await device(t, network)
  const id = await owner.me.createCommunity({ name: 'gardeners' })
  const roses = await owner.me.addChannel(id, 'roses')
  await owner.me.settled()
  const bob = await device(t, network)
  await bob.me.followCommunity(id)
  t.match(await bob.me.communities(), [{ id, name: 'gardeners', isMember: false, channels: [{}, { id: roses }] }])
})

t.test('a community says whom it lets in no more', async (t) => {
  const network = new TestNetwork()
  const [owner, bob] = [await device(t, network), await device(t, network)]
  const id = await owner.me.createCommunity({ name: 'gardeners' })
  const banned = async () => (await owner.me.communities())[0]?.banned
  t.same(await banned(), [])
  await owner.me.ban(id, bob.me.id)
  t.same(await banned(), [bob.me.id])
  await owner.me.ban(id, bob.me.id, false)
  t.same(await banned(), [])
})

for (const isEncrypted of [false, true])
  t.test(
    `what others would not read is not said of ${isEncrypted ? 'an encrypted' : 'an open'} community`,
    async (t) => {
      const owner = await device(t, new TestNetwork())
      const [most, tooLong] = ['x'.repeat(1024), 'x'.repeat(1025)]
      await t.rejects(owner.me.createCommunity({ name: tooLong, isEncrypted }), { code: 'messaging/cannot-send' })
      t.same(await owner.me.communities(), [])
      const id = await owner.me.createCommunity({ name: most, isEncrypted })
      await t.rejects(owner.me.addChannel(id, tooLong), { code: 'messaging/cannot-send' })
      t.match(await owner.me.communities(), [{ name: most, channels: [{ name: 'general' }] }])
    },
  )
