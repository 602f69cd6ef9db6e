/** waypost chat as people have it: two of them before terminals, and one node between. */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { waypost } from '../../kit/cli.ts'
import { launcher } from '../../kit/daemon.ts'
import { freePort } from '../../kit/free-port.ts'
import { type Terminal, terminal } from '../../kit/terminal.ts'
import { needs } from '../../kit/tools.ts'
import { made, Person, password, statusNode } from '../messages/kit.ts'

/** Wide enough for paths and ids. */
const columns = 240

/** A person before a terminal. */
class Sitting {
  readonly #terminal: Terminal
  readonly #command: string

  constructor(terminal: Terminal, command: string) {
    this.#terminal = terminal
    this.#command = command
  }

  /** Starts the program. */
  async start(): Promise<void> {
    await this.enter(`clear; ${this.#command}; echo ended $?`)
  }

  async enter(line: string): Promise<void> {
    await this.#terminal.type(line)
    await this.#terminal.press('Enter')
  }

  press(key: string): Promise<void> {
    return this.#terminal.press(key)
  }

  /** The screen, once it has that on it. */
  sees(what: string | RegExp): Promise<string> {
    return this.#terminal.until((screen) => (typeof what === 'string' ? screen.includes(what) : what.test(screen)))
  }
}

function sitDown(t: Test, tmux: string, person: Person, node: string): Promise<Sitting> {
  return sitDownWith(t, tmux, person, `--node ${node}`)
}

async function sitDownWith(t: Test, tmux: string, { folder }: Person, nodes: string): Promise<Sitting> {
  const secret = path.join(t.testdirName, 'password')
  writeFileSync(secret, `${password}\n`, { mode: 0o600 })
  const options = `--folder ${folder} ${nodes} --password-file ${secret}`
  const shell = await terminal(t, tmux, 'sh -c "PS1=; exec sh"', { columns, cwd: t.testdirName })
  return new Sitting(shell, `${process.execPath} ${launcher} chat ${options}`)
}

t.test('two people meet at terminals, write, send a picture, and find all of it again', async (t) => {
  const tmux = needs(t, 'tmux')
  if (tmux === undefined) return
  const image = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(5000)])
  t.testdir({ 'cat.png': image })
  const node = await statusNode(t)
  const people = [new Person(t, 'alice'), new Person(t, 'bob')] as const
  const { a, b } = await made(...people)
  const [alice, bob] = [await sitDown(t, tmux, people[0], node.tcp), await sitDown(t, tmux, people[1], node.tcp)]
  await alice.start()
  await bob.start()
  t.match(await alice.sees('connected; /help'), /^waypost chat {2}alice {2}- {2}no chat yet: \/add <id> <text>$/m)
  await bob.sees('connected; /help')

  await alice.enter(`/add ${b} it is alice`)
  await alice.sees('asked; the chat opens when they agree')
  t.match(await bob.sees('> alice ?'), `waypost chat  bobby  -  alice (${a.slice(0, 14)}..)`)
  t.match(await bob.sees('it is alice'), /\d\d:\d\d alice: \(asks to become a contact\) it is alice$/m)
  await bob.enter('/accept')
  t.notMatch(await bob.sees('you are contacts'), 'alice ?')
  await alice.sees('> bobby')

  await alice.enter('hello bob')
  await bob.sees(/\d\d:\d\d alice: hello bob$/m)
  await alice.sees(/\d\d:\d\d you: hello bob$/m)
  await bob.enter('and hello alice')
  await alice.sees(/\d\d:\d\d bobby: and hello alice$/m)
  await alice.enter('/react laugh')
  await bob.sees('you: and hello alice {laugh 1}')

  await alice.enter(`/group long_walks ${b.slice(0, 12)}`)
  await alice.sees('> #long walks')
  await alice.enter('to the hills?')
  t.notMatch(await bob.sees(/^ {2}#long walks \(1\) +\|/m), 'to the hills')
  await bob.press('Tab')
  t.match(await bob.sees('to the hills?'), /^> #long walks +\|/m, 'what is looked at is read')
  await alice.enter('/image cat.png')
  await bob.sees(`alice: [image, png, ${image.length} bytes]`)
  await bob.enter('/save saved')
  const folder = path.join(t.testdirName, 'saved')
  await bob.sees(`saved as ${folder}`)
  const [file = ''] = readdirSync(folder)
  t.ok(readFileSync(path.join(folder, file)).equals(image))
  await bob.enter('/leave it')
  await bob.sees('left')
  await alice.enter('alone?')
  await alice.enter('/nothing')
  await alice.sees('there is no command /nothing: /help lists them')

  await bob.enter('/quit')
  t.notMatch(await bob.sees('ended 0'), 'long walks', 'the screen is as it was')
  await alice.press('C-c')
  await alice.sees('ended 0')
  await node.stop()
  await bob.start()
  await bob.sees(/^. #long walks x +\|/m)
  await bob.press('Tab')
  const again = await bob.sees('alice: hello bob')
  t.match(again, 'alice: (asks to become a contact) it is alice')
  t.match(again, 'you: and hello alice {laugh 1}')
  t.match(await bob.sees('it is tried again'), /no node can be reached/, 'without a node all that was said is there')
  await bob.enter('/quit')
  await bob.sees('ended 0')
})

t.test('the owner of a community lets in who asks, while both sit there', async (t) => {
  const tmux = needs(t, 'tmux')
  if (tmux === undefined) return
  t.testdir()
  const { tcp } = await statusNode(t)
  const people = [new Person(t, 'alice', tcp), new Person(t, 'bob')] as const
  await made(...people)
  const [begun] = await people[0].told('community', 'create', 'gardeners')
  const [alice, bob] = [await sitDown(t, tmux, people[0], tcp), await sitDown(t, tmux, people[1], tcp)]
  await alice.start()
  await bob.start()
  await alice.sees('> #general')
  await bob.sees('connected')
  await bob.enter(`/join ${begun?.id}`)
  await bob.sees('asked; its channels open when it lets you in')
  await bob.sees(/^> #general +\|/m)
  await bob.enter('tomatoes')
  await alice.sees(/bobby: tomatoes$/m)
  await alice.enter('red ones?')
  await bob.sees(/alice: red ones\?$/m)
  await bob.enter('/leave')
  await bob.sees(/^> #general x +\|/m)
  await bob.enter('green ones')
  await bob.sees('we are not in this community')
})

t.test('a node that is away is tried again, and what was written meanwhile goes out', async (t) => {
  const tmux = needs(t, 'tmux')
  if (tmux === undefined) return
  t.testdir()
  const options = { dataDir: path.join(t.testdirName, 'node'), flags: [`--tcp-port=${await freePort()}`] }
  const before = await statusNode(t, options)
  const people = [new Person(t, 'alice'), new Person(t, 'bob', before.tcp)] as const
  await made(...people)
  await before.stop()
  const alice = await sitDown(t, tmux, people[0], before.tcp)
  await alice.start()
  await alice.sees(/no node can be reached.*; it is tried again/)
  await alice.enter('/join square')
  await alice.sees('> #square')
  await alice.enter('is anybody there?')
  await alice.sees('you: is anybody there?')
  await statusNode(t, options)
  await alice.sees('connected; /help')
  await people[1].told('public', 'join', 'square')
  t.match(await people[1].told('receive', '--count', '1'), [{ name: 'alice', text: 'is anybody there?' }])
})

t.test('a node that is started inside relays with the others, and what is written waits for them', async (t) => {
  const tmux = needs(t, 'tmux')
  if (tmux === undefined) return
  const other = { dataDir: path.join(t.testdirName, 'node'), flags: [`--tcp-port=${await freePort()}`] }
  t.testdir()
  const before = await statusNode(t, other)
  const settings = {
    'cluster-id': 16,
    'num-shards-in-network': 0,
    shard: [32, 64],
    'listen-address': '127.0.0.1',
    'tcp-port': 0,
    nat: 'none',
    'max-msg-size': '1MiB',
    staticnode: [before.tcp],
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
  writeFileSync(path.join(t.testdirName, 'node.toml'), lines.join(''))
  const people = [new Person(t, 'alice'), new Person(t, 'bob', before.tcp)] as const
  await made(...people)
  await before.stop()
  const alice = await sitDownWith(t, tmux, people[0], '--own-node node.toml')
  await alice.start()
  await alice.sees('connected; /help')
  await alice.enter('/join square')
  await alice.sees('> #square')
  await alice.enter('is anybody there?')
  await alice.sees('you: is anybody there?')
  t.ok(existsSync(path.join(people[0].folder, 'node')), 'the node is in the folder of the person')
  await statusNode(t, other)
  await people[1].told('public', 'join', 'square')
  t.match(await people[1].told('receive', '--count', '1'), [{ name: 'alice', text: 'is anybody there?' }])
  await people[1].told('send', 'square', 'you are')
  await alice.sees('bobby: you are')
  await alice.enter('/quit')
  await alice.sees('ended 0')
})

t.test('without a terminal it says what there is for scripts', async (t) => {
  t.match(await waypost(t, ['chat']), { code: 64, stdout: '', stderr: /waypost message is for scripts/ })
})
