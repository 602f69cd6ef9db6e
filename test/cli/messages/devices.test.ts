/** Two devices of one person by commands, and a friend who writes to her. */
import t from 'tap'
import { acquainted, linesOf, Person, type Shown, statusNode } from './kit.ts'

function texts(messages: readonly Shown[]): string[] {
  return messages.filter(({ kind }) => kind === 'text').map(({ text }) => text)
}

function beginningOf(device: Shown | undefined): string {
  return String(device?.installation).slice(0, 8)
}

t.test('what is said on one device is in the history of the other, as long as both are enabled', async (t) => {
  t.testdir()
  const { tcp } = await statusNode(t)
  const [phone, bob, laptop] = [new Person(t, 'phone', tcp), new Person(t, 'bob', tcp), new Person(t, 'laptop', tcp)]
  const { a, b } = await acquainted(phone, bob)
  const { stdout: words } = await phone.run(['identity', 'words'])
  t.match(linesOf((await laptop.run(['identity', 'restore', '--json'], words)).stdout), [{ id: a }])
  const [first] = await phone.told('devices', 'announce', 'phone')
  const [second] = await laptop.told('devices', 'announce', 'laptop')
  t.same(first, { installation: first?.installation, name: 'phone', isEnabled: true, isThis: true })
  const { stdout } = await laptop.run(['devices', 'list'])
  t.equal(stdout, `this device  laptop  ${second?.installation}\nnot enabled  phone   ${first?.installation}\n`)
  const [ofFirst, ofSecond] = [beginningOf(first), beginningOf(second)]
  t.match(await phone.told('devices', 'enable', ofSecond), [{ name: 'laptop', isEnabled: true, isThis: false }])
  t.match(await laptop.told('devices', 'enable', ofFirst), [{ name: 'phone', isEnabled: true, isThis: false }])
  await phone.told('receive')
  await laptop.told('send', b, 'from the laptop')
  await bob.told('send', a, 'for both')
  t.same(texts(await phone.told('receive')), ['from the laptop', 'for both'])
  await phone.told('send', b, 'from the phone')
  t.same(texts(await laptop.told('receive')), ['for both', 'from the phone'])
  t.match(await phone.told('devices', 'disable', ofSecond), [{ name: 'laptop', isEnabled: false }])
  await phone.told('send', b, 'not for the laptop')
  t.same(texts(await bob.told('receive')), ['from the laptop', 'from the phone', 'not for the laptop'])
  t.same(await laptop.told('receive'), [])
  t.same(texts(await laptop.told('history', b)), ['from the laptop', 'for both', 'from the phone'])
  t.match(await phone.told('history', b, '--containing', 'from the laptop'), [{ from: a, status: 'delivered' }])
})
