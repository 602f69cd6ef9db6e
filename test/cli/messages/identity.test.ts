/** Identities by commands, and what is said when something is missing or wrong. None of it needs a node. */
import t from 'tap'
import { waypost } from '../../kit/cli.ts'
import { linesOf, Person } from './kit.ts'

t.test('an identity is made once, opens by its password alone, and comes back by its words', async (t) => {
  t.testdir()
  const alice = new Person(t, 'alice')
  const [made] = await alice.told('identity', 'create', '--name', 'alice')
  t.match(await alice.run(['identity', 'create']), { code: 73, stderr: /there is an account/ })
  const wrong = await waypost(t, ['message', 'identity', 'show', '--folder', alice.folder], {
    env: { WAYPOST_MESSAGE_PASSWORD: 'incorrect horse' },
  })
  t.match(wrong, { code: 77, stdout: '', stderr: /the password is wrong/ })
  t.notMatch(wrong.stderr, 'horse')
  const asked = await waypost(t, ['message', 'identity', 'show', '--folder', alice.folder])
  t.match(asked, { code: 64, stderr: /take --password-file or WAYPOST_MESSAGE_PASSWORD/ })
  const { stdout: words } = await alice.run(['identity', 'words'])
  t.equal(words.trim().split(' ').length, 12)
  const laptop = new Person(t, 'laptop')
  const restored = await laptop.run(['identity', 'restore', '--json'], words)
  t.match(linesOf(restored.stdout), [{ id: made?.id }])
  t.match(await new Person(t, 'other').run(['identity', 'restore'], 'one two three'), { code: 65, stderr: /12, 15/ })
})

t.test('what is missing or wrong is said with what to do', async (t) => {
  t.testdir()
  const alice = new Person(t, 'alice')
  t.match(await alice.run(['chats']), { code: 66, stderr: /waypost message identity create makes one/ })
  t.match(await alice.run(['identity', 'create', '--name', 'al']), { code: 64, stderr: /5 to 24 letters/ })
  await alice.told('identity', 'create')
  t.match(await alice.run(['receive']), { code: 64, stderr: /--node <multiaddr>/ })
  const nowhere = '/ip4/127.0.0.1/tcp/2/p2p/16Uiu2HAmMxLEhPQ9XJTiSzZEQBymzH9rGJktH9jpx3UuqbzAHk1R'
  t.match(await alice.run(['receive', '--node', nowhere]), { code: 69, stderr: /no node can be reached/ })
  t.match(await alice.run(['history', 'nobody']), { code: 64, stderr: /there is no chat nobody/ })
  t.match(await alice.run(['send', 'x', '--node', nowhere]), { code: 64, stderr: /nothing to send/ })
})
