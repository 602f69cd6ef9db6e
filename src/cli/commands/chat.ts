/** `waypost chat`: messages between people, at a terminal. */
import path from 'node:path'
import { emitKeypressEvents, type Key } from 'node:readline'
import type { Command } from 'commander'
import { messageOf, WaypostError } from '../../core/errors.ts'
import { action } from '../action.ts'
import type { OwnNode } from '../chat/own-node.ts'
import { withNotes } from '../command-tree.ts'
import { interruption } from '../interrupt.ts'
import type { ConnectedDevice, NetworkOptions } from '../messages/device.ts'
import { Screen } from '../top/screen.ts'
import { withNodes } from './message/device-command.ts'

const notes = `Tab and the arrows go from chat to chat; Enter sends what is typed; /help lists the commands, /quit or Ctrl-C ends it. A question mark stands
behind who asks to become a contact: /accept or /decline; an x where you cannot write, not yet or no more. What others wrote is shown without characters that command a terminal.`

export function addChat(program: Command): void {
  const command = withNodes(program.command('chat'))
    .description('Write with others at a terminal, end to end encrypted: message has the same for scripts')
    .option(
      '--own-node <file>',
      'start a node here, with the settings of this file as in run --config-file, and reach others by it',
    )
    .action(action(chat))
  withNotes(command, notes)
}

/** Characters of a line that is typed: as many as a message has. */
const maxInputCharacters = 4096

interface ChatOptions extends NetworkOptions {
  /** The settings of a node to be started. */
  readonly ownNode?: string
}

async function chat(options: ChatOptions): Promise<undefined> {
  if (process.stdin.isTTY !== true || process.stdout.isTTY !== true)
    throw new WaypostError('cli/bad-usage', { why: 'chat needs a terminal; waypost message is for scripts' })
  const { connectedDevice } = await import('../messages/device.ts')
  await using node = await ownNode(options)
  await using device = await connectedDevice(options, { own: node?.address })
  await talk(device)
  device.failed.throwIfAborted()
}

async function ownNode({ ownNode, ...options }: ChatOptions): Promise<OwnNode | undefined> {
  if (ownNode === undefined) return undefined
  const { folderOf } = await import('../messages/device.ts')
  const { startOwnNode } = await import('../chat/own-node.ts')
  return await startOwnNode(ownNode, path.join(folderOf(options), 'node'))
}

async function talk(device: ConnectedDevice): Promise<void> {
  const { ChatSession } = await import('../chat/session.ts')
  const { renderChat } = await import('../chat/view.ts')
  const session = new ChatSession(device.me, 'connecting..')
  const ending = new AbortController()
  let input = ''
  using screen = new Screen(() => draw(), noKeys)
  const ended = AbortSignal.any([interruption(), device.failed, ending.signal])
  const draw = (): void => {
    if (!ended.aborted) screen.draw(renderChat(session.view(input), screen.size))
  }
  const turns = new Turns(draw)
  const off = device.me.onChange(() => turns.refresh(session))
  // What is shown is handed out.
  const handing = drain(device, ended)
  const pressed = (text: string | undefined, key: Key): void => {
    const step = stepOf(input, text, key)
    input = step.input
    if (step.does === 'end') ending.abort()
    if (step.does === 'next') turns.add(() => session.move(1))
    if (step.does === 'previous') turns.add(() => session.move(-1))
    const { line } = step
    if (line !== undefined)
      turns.add(async () => {
        if (!(await session.enter(line))) ending.abort()
      })
    draw()
  }
  emitKeypressEvents(process.stdin)
  process.stdin.on('keypress', pressed)
  turns.refresh(session)
  const say = (notice: string): void => turns.add(async () => session.say(notice))
  void connected(device, say)
  await aborted(ended)
  process.stdin.off('keypress', pressed)
  off()
  await handing
  await turns.done
}

/** Says how the network is, until a node is reached. */
async function connected(device: ConnectedDevice, say: (notice: string) => void): Promise<void> {
  try {
    await device.catchUp()
  } catch (error) {
    say(`${messageOf(error)}; it is tried again`)
    await device.online
  }
  say('connected; /help lists the commands')
}

/** Keys are read as what they say, none by the screen. */
const noKeys: ReadonlySet<string> = new Set()

interface Step {
  readonly input: string
  readonly does?: 'end' | 'next' | 'previous'
  /** A line that was ended. */
  readonly line?: string
}

const moves: Readonly<Record<string, Step['does']>> = { tab: 'next', down: 'next', up: 'previous' }

/** What a key makes of what is typed. */
function stepOf(input: string, text: string | undefined, { name = '', ctrl, meta }: Key): Step {
  if (ctrl && (name === 'c' || name === 'd')) return { input, does: 'end' }
  if (ctrl && name === 'u') return { input: '' }
  if (name === 'return' || name === 'enter') return { input: '', line: input }
  if (name === 'backspace') return { input: [...input].slice(0, -1).join('') }
  const does = moves[name]
  if (does !== undefined) return { input, does }
  const isText = text !== undefined && !ctrl && !meta && !/\p{Cc}/u.test(text)
  return { input: isText && input.length < maxInputCharacters ? input + text : input }
}

/** One thing after the other, drawn after each. */
class Turns {
  readonly #draw: () => void
  #done: Promise<void> = Promise.resolve()
  #isStale = false

  constructor(draw: () => void) {
    this.#draw = draw
  }

  /** Reads anew what is shown; once for all changes that wait, however many a peer causes. */
  refresh(session: { refresh(): Promise<void> }): void {
    if (this.#isStale) return
    this.#isStale = true
    this.add(async () => {
      this.#isStale = false
      await session.refresh()
    })
  }

  get done(): Promise<void> {
    return this.#done
  }

  add(work: () => Promise<void>): void {
    // A device whose disk fails says so by itself; one that was closed is left.
    this.#done = this.#done
      .then(work)
      .catch(() => {})
      .then(this.#draw)
  }
}

async function drain({ me }: ConnectedDevice, ended: AbortSignal): Promise<void> {
  for await (const _ of me.messages(ended)) if (ended.aborted) return
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
