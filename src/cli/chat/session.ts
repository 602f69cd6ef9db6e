/** What `waypost chat` shows and does: the chats of a device, the one that is looked at, and the commands that a person types. */
import { messageOf, WaypostError } from '../../core/errors.ts'
import type { EmotionName, Message } from '../../messaging/chats/message.ts'
import type { Messenger } from '../../messaging/messenger/messenger.ts'
import { chatGiven, idAmong, personGiven } from '../messages/ids.ts'
import { readPicture, saveMedia } from '../messages/media.ts'
import { shownChat, shownMessage } from '../messages/shown.ts'
import type { ChatView, Entry } from './view.ts'

/** Messages of a chat that are looked at: more than a screen has room for. */
const shownMessages = 200

interface ChatCommand {
  /** After the name. */
  readonly takes: string
  readonly help: string
  readonly run: (session: ChatSession, words: readonly string[]) => Promise<string>
}

const emotions: readonly EmotionName[] = ['love', 'thumbsUp', 'thumbsDown', 'laugh', 'sad', 'angry']

/** The id of a community, with which those of its channels begin. */
const communityId = /^0x0[23][0-9a-f]{64}/

const leaving: Readonly<Record<Entry['kind'], (me: Messenger, id: string) => Promise<void>>> = {
  person: async () => {
    throw usage('a contact is ended by waypost message contact remove')
  },
  group: (me, id) => me.leaveGroup(id),
  public: (me, id) => me.leavePublicChat(id),
  channel: (me, id) => me.leaveCommunity(communityId.exec(id)?.[0] ?? id),
}

const commands: Readonly<Record<string, ChatCommand>> = {
  add: {
    takes: '<id> <text>',
    help: 'ask somebody to become a contact',
    async run({ me }, [id = '', ...text]) {
      await me.requestContact(id, text.join(' '))
      return 'asked; the chat opens when they agree'
    },
  },
  accept: {
    takes: '[id]',
    help: 'say yes to who asks',
    async run(session, [id]) {
      await session.me.acceptContact(await session.asking(id))
      return 'you are contacts'
    },
  },
  decline: {
    takes: '[id]',
    help: 'put a request aside',
    async run(session, [id]) {
      await session.me.dismissContact(await session.asking(id))
      return 'put aside; they are told nothing'
    },
  },
  block: {
    takes: '<id>',
    help: 'take nothing more of somebody',
    async run({ me }, [id = '']) {
      await me.block(await personGiven(me, id))
      return 'blocked; they are told nothing'
    },
  },
  group: {
    takes: '<name> <id...>',
    help: 'begin a group; _ for blanks in the name',
    async run(session, [name = '', ...given]) {
      const { me } = session
      const members: string[] = []
      for (const one of given) members.push(await personGiven(me, one))
      session.select(await me.createGroup(name.replaceAll('_', ' '), members))
      return 'begun'
    },
  },
  join: {
    takes: '<name or id>',
    help: 'join a public chat, or ask a community to let you in',
    async run(session, [name = '']) {
      if (name === '') throw usage('/join <name or id>')
      if (communityId.exec(name)?.[0] === name) {
        await session.me.joinCommunity(name)
        return 'asked; its channels open when it lets you in'
      }
      await session.me.joinPublicChat(name)
      session.select(name)
      return 'joined: whoever knows the name reads what you write'
    },
  },
  leave: {
    takes: '',
    help: 'leave this group, public chat or community',
    async run(session) {
      const { id, kind } = session.entry()
      await leaving[kind](session.me, id)
      return 'left'
    },
  },
  image: {
    takes: '<file>',
    help: 'send a picture',
    async run(session, words) {
      await session.me.send(session.entry().id, { text: '', image: await readPicture(words.join(' ')) })
      return ''
    },
  },
  save: {
    takes: '[folder]',
    help: 'put the last picture or sound of this chat into a file',
    async run(session, words) {
      const media = (await session.last()).find(({ image, audio }) => image !== undefined || audio !== undefined)
      if (media === undefined) throw usage('there is no picture in this chat')
      return `saved as ${await saveMedia(media, words.join(' ') || '.')}`
    },
  },
  edit: {
    takes: '<text>',
    help: 'give your last message here another text',
    async run(session, words) {
      await session.me.edit(await session.ownLast(), words.join(' '))
      return ''
    },
  },
  delete: {
    takes: '',
    help: 'delete your last message here, for all',
    async run(session) {
      await session.me.delete(await session.ownLast())
      return ''
    },
  },
  react: {
    takes: emotions.join('|'),
    help: 'say what you feel about the last message here',
    async run(session, [word]) {
      const emotion = emotions.find((one) => one === word)
      const [message] = await session.last()
      if (emotion === undefined || message === undefined) throw usage(`/react ${emotions.join('|')}`)
      await session.me.react(message.id, emotion)
      return ''
    },
  },
  id: { takes: '', help: 'your id, for others', run: async ({ me }) => me.id },
  help: { takes: '', help: 'this', run: async () => help },
}

const help = `${Object.entries(commands)
  .map(([name, { takes }]) => `/${name}${takes === '' ? '' : ` ${takes}`}`)
  .join('  ')}  /quit  Tab: next chat`

/** A line each, for the help of the program. */
export const commandNotes = Object.entries(commands).map(
  ([name, { takes, help }]) => [`/${name} ${takes}`.trimEnd(), help] as const,
)

export class ChatSession {
  readonly me: Messenger
  #selected: string | undefined
  #notice: string
  #entries: readonly Entry[] = []
  #messages: readonly Message[] = []

  constructor(me: Messenger, notice: string) {
    this.me = me
    this.#notice = notice
  }

  view(input: string): ChatView {
    const { id, name } = this.me
    const messages = this.#messages.map((message) => shownMessage(message))
    return { me: { id, name }, entries: this.#entries, selected: this.#selected, messages, notice: this.#notice, input }
  }

  say(notice: string): void {
    this.#notice = notice
  }

  select(id: string): void {
    this.#selected = id
  }

  /** To the next chat of the list, or the one before. */
  async move(by: 1 | -1): Promise<void> {
    const count = this.#entries.length
    const at = this.#entries.findIndex(({ id }) => id === this.#selected)
    const next = this.#entries[(at + by + count) % Math.max(1, count)]
    if (next !== undefined) this.#selected = next.id
    await this.refresh()
  }

  /** Reads anew what is shown; what is looked at is read. */
  async refresh(): Promise<void> {
    const asking = new Set((await this.me.contacts()).filter(({ state }) => state === 'asks us').map(({ id }) => id))
    const entries = (await this.me.chats()).map((chat) => ({ ...shownChat(chat), asksUs: asking.has(chat.id) }))
    this.#selected ??= entries[0]?.id
    const shown = entries.find(({ id }) => id === this.#selected)
    if (shown !== undefined && shown.unread > 0) await this.me.markRead(shown.id)
    this.#entries = entries.map((entry) => (entry.id === this.#selected ? { ...entry, unread: 0 } : entry))
    this.#messages = (await this.last()).reverse()
  }

  /** The messages of the chat that is shown, the last first. */
  async last(): Promise<Message[]> {
    const found: Message[] = []
    if (this.#selected === undefined) return found
    for await (const message of this.me.history(this.#selected, { limit: shownMessages })) found.push(message)
    return found
  }

  async ownLast(): Promise<string> {
    const own = (await this.last()).find(({ from, deletedBy }) => from === this.me.id && deletedBy === undefined)
    if (own === undefined) throw usage('you have said nothing here')
    return own.id
  }

  /** The chat that is shown. */
  entry(): Entry {
    const entry = this.#entries.find(({ id }) => id === this.#selected)
    if (entry === undefined) throw usage('there is no chat yet: /add <id> <text>')
    return entry
  }

  /** Who asks to become a contact: the one given, else the one whose request is shown. */
  async asking(given: string | undefined): Promise<string> {
    const asking = this.#entries.filter(({ asksUs }) => asksUs).map(({ id }) => id)
    return idAmong(given ?? this.entry().id, asking, 'request of')
  }

  /** Does what a line says: a command, or something to say in the chat that is shown. False: it is to end. */
  async enter(line: string): Promise<boolean> {
    const [word = '', ...words] = line.trim().split(/\s+/)
    if (word === '/quit') return false
    try {
      this.#notice = word.startsWith('/') ? await this.#command(word.slice(1), words) : await this.#send(line)
    } catch (error) {
      this.#notice = messageOf(error)
    }
    await this.refresh()
    return true
  }

  async #command(name: string, words: readonly string[]): Promise<string> {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined) throw usage(`there is no command /${name}: /help lists them`)
    return await command.run(this, words)
  }

  async #send(line: string): Promise<string> {
    if (line.trim() === '') return ''
    await this.me.send(await chatGiven(this.me, this.entry().id), line)
    return ''
  }
}

function usage(why: string): WaypostError {
  return new WaypostError('cli/bad-usage', { why })
}
