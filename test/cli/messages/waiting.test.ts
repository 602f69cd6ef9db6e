/** Who waits for messages by a command, and what others on the machine see of it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { launcher } from '../../kit/daemon.ts'
import { environment } from '../../kit/environment.ts'
import { acquainted, Person, password, statusNode } from './kit.ts'

t.test('one who waits hears at once and confirms; the password is nowhere in what is said', async (t) => {
  t.testdir()
  const { tcp } = await statusNode(t)
  const [alice, bob] = [new Person(t, 'alice', tcp), new Person(t, 'bob', tcp)]
  const { b } = await acquainted(alice, bob)
  const secret = path.join(t.testdirName, 'password')
  writeFileSync(secret, `${password}\n`, { mode: 0o600 })
  const args = ['message', 'receive', '--count', '1', '--json', '--folder', bob.folder, '--node', tcp]
  const child = spawn(process.execPath, [launcher, ...args, '--password-file', secret], { env: environment() })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (chunk) => (said += chunk))
  const lines = createInterface({ input: child.stdout })
  const line = once(lines, 'line')
  const closed = once(child, 'close')
  const sent = await alice.told('send', b, 'are you there?', '--wait-delivered')
  t.match(sent, [{ status: 'delivered' }])
  said += String(await line)
  t.match(said, 'are you there?')
  t.same(await closed, [0, null])
  t.notMatch(said, password)
})

t.test('nobody sees the password among the processes of the machine', async (t) => {
  t.testdir()
  const bob = new Person(t, 'bob')
  await bob.told('identity', 'create')
  const { tcp } = await statusNode(t)
  const args = [launcher, 'message', 'receive', '--follow', '--folder', bob.folder, '--node', tcp]
  const env = environment({ WAYPOST_MESSAGE_PASSWORD: password })
  const child = spawn(process.execPath, args, { env, stdio: 'pipe' })
  t.teardown(() => child.kill('SIGKILL'))
  // Its folder is its own while it runs, so it has read the password.
  for (;;) {
    const { code, stderr } = await bob.run(['chats'])
    if (code === 75) {
      t.match(stderr, /in use/)
      break
    }
  }
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(commandLineOf)
  t.ok(
    commands.some((command) => command.includes(bob.folder)),
    'the command is among them',
  )
  t.notOk(commands.some((command) => command.includes(password)))
  child.kill('SIGINT')
  t.same(await once(child, 'close'), [0, null])
})

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
