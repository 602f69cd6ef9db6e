/** Pictures by commands, to a contact and to a group. */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { acquainted, Person, statusNode } from './kit.ts'

/** The smallest picture that is one: what stands behind the first bytes nobody looks at. */
function picture(bytes: number): Buffer {
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(bytes)])
}

t.test('a picture of several envelopes comes whole, in a group too, and is put into a file', async (t) => {
  const image = picture(900_000)
  t.testdir({ 'cat.png': image, 'text.png': 'no picture' })
  const { tcp } = await statusNode(t)
  const [alice, bob] = [new Person(t, 'alice', tcp), new Person(t, 'bob', tcp)]
  const { a, b } = await acquainted(alice, bob)
  const [group] = await alice.told('group', 'create', 'long walks', b)
  t.match(group, { kind: 'group', name: 'long walks', isOpen: true })
  const file = path.join(t.testdirName, 'cat.png')
  t.match(await alice.run(['send', b, '--image', path.join(t.testdirName, 'text.png')]), {
    code: 64,
    stderr: /png, jpeg, webp or gif/,
  })
  await alice.told('send', group?.id ?? '', 'a cat', '--image', file)
  const saved = path.join(t.testdirName, 'saved')
  const [got] = await bob.told('receive', '--save-media', saved)
  t.match(got, { chat: group?.id, from: a, kind: 'image', image: { format: 'png', bytes: image.length } })
  t.same(readdirSync(saved), [`${got?.id}.png`])
  t.ok(readFileSync(path.join(saved, `${got?.id}.png`)).equals(image))
  t.same(
    (await bob.told('group', 'members', group?.id ?? '')).map(({ name }) => name),
    ['alice', 'bobby'],
  )
})
