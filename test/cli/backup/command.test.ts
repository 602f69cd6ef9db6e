/** waypost backup, as an operator runs it: of a node under traffic, restored elsewhere, without a word of what is secret. */
import { chmod, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { waypost } from '../../kit/cli.ts'
import { ask, startedNode } from '../../kit/rest.ts'
import { json, keepAll, traffic } from '../store-kit.ts'

t.test('a node under traffic is backed up, and comes back elsewhere with its peer id and messages', async (t) => {
  const root = t.testdir({ password: 'correct horse battery\n' })
  const passwordFile = path.join(root, 'password')
  const data = path.join(root, 'data')
  const copy = path.join(root, 'copy')
  const folder = path.join(root, 'backup')
  const running = await startedNode(t, data, ['--relay', '--store', ...keepAll])
  const publishing = traffic(running.restUrl ?? '')
  await publishing.until(50)
  const open = await waypost(t, [
    ...['backup', 'create', '--data-dir', data, '--rest-url', running.restUrl ?? '', '--to', folder],
    ...['--password-file', passwordFile],
  ])
  t.match(open, { code: 77, stderr: /open to other users; run: chmod 600/ })
  await chmod(passwordFile, 0o600)
  const created = await waypost(t, [
    ...['backup', 'create', '--data-dir', data, '--rest-url', running.restUrl ?? '', '--to', folder],
    ...['--password-file', passwordFile, '--json'],
  ])
  await publishing.stop()
  t.match(json(created), { peerId: running.peerId, sealed: true })
  const { messages } = json(created)
  t.ok(messages >= 50)
  const password = ['--password-file', passwordFile]
  const restored = await waypost(t, ['backup', 'restore', folder, '--data-dir', copy, ...password, '--json'])
  t.match(json(restored), { dataDir: copy, peerId: running.peerId, messages })
  const [whole, other, missing] = await Promise.all([
    waypost(t, ['backup', 'verify', folder]),
    waypost(t, ['backup', 'verify', folder, '--peer-id', '16Uiu2HAmOther']),
    waypost(t, ['backup', 'restore', folder, '--data-dir', path.join(root, 'third')]),
  ])
  t.match(whole, { code: 0, stdout: /is whole\npeer id +16Uiu2/ })
  t.match(other, { code: 65, stderr: `is of ${running.peerId}, not of` })
  t.match(missing, { code: 64, stderr: /no terminal to ask for the password/ })
  const key = (await readFile(path.join(data, 'node.key'), 'utf8')).trim()
  const token = (await readFile(path.join(data, 'rest.token'), 'utf8')).trim()
  for (const { stdout, stderr } of [open, created, restored, whole, other, missing])
    for (const secret of [key, token, 'correct horse']) t.notOk((stdout + stderr).includes(secret))
  await running[Symbol.asyncDispose]()
  const second = await startedNode(t, copy, ['--relay', '--store', ...keepAll])
  t.equal(second.peerId, running.peerId)
  const stats = JSON.parse((await ask(second, 'GET', '/admin/v1/store/stats')).text)
  t.equal(stats.messages, messages)
  await writeFile(path.join(folder, 'messages.waypost'), 'nonsense')
  t.match(await waypost(t, ['backup', 'verify', folder]), { code: 65, stderr: /damaged/ })
})
