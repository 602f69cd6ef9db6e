/** The screen of `waypost chat` as lines of plain text: chats on the left, what was said on the right, below it what is typed. Pure. */

import { shortId } from '../messages/ids.ts'
import { contentText, type ShownChat, type ShownMessage, timeText } from '../messages/shown.ts'
import { printable, printableLines } from '../printable.ts'
import type { Size } from '../top/view.ts'
import { cellsOf, cut, padded, wrap } from './cells.ts'

/** A chat in the list, or somebody who asks to become a contact. */
export interface Entry extends Pick<ShownChat, 'id' | 'kind' | 'name' | 'unread' | 'isOpen'> {
  readonly asksUs: boolean
}

export interface ChatView {
  /** Who we are. */
  readonly me: { readonly id: string; readonly name: string }
  readonly entries: readonly Entry[]
  /** The id of the chat that is shown. */
  readonly selected: string | undefined
  /** What was said in it, the oldest first. */
  readonly messages: readonly ShownMessage[]
  /** What the last command came to, or how the network is. */
  readonly notice: string
  readonly input: string
}

const listColumns = 24
const bar = ' | '
/** The line of the title, that of notices, that of what is typed. */
const fixedRows = 3

/** As many lines as the screen has, none wider than it. */
export function renderChat(view: ChatView, { columns, rows }: Size): readonly string[] {
  const room = Math.max(1, rows - fixedRows)
  const left = Math.min(listColumns, Math.floor(columns / 3))
  const right = Math.max(1, columns - left - bar.length)
  const list = renderList(view, room)
  const said = renderMessages(view, right, room)
  const body = Array.from({ length: room }, (_, row) => `${padded(list[row] ?? '', left)}${bar}${said[row] ?? ''}`)
  const lines = [title(view), ...body, cut(printable(view.notice), columns), inputLine(view.input, columns)]
  return lines.map((line) => cut(line, columns).trimEnd()).slice(0, Math.max(rows, 1))
}

function title({ me, selected, entries }: ChatView): string {
  const entry = entries.find(({ id }) => id === selected)
  const where = entry === undefined ? 'no chat yet: /add <id> <text>' : `${nameOf(entry)} (${shortId(entry.id)})`
  return `waypost chat  ${printable(me.name) || shortId(me.id)}  -  ${where}`
}

export function nameOf({ name, id }: Pick<Entry, 'name' | 'id'>): string {
  return printable(name) || shortId(printable(id))
}

/** The chats around the one that is shown, as many as there is room for. */
function renderList({ entries, selected }: ChatView, room: number): string[] {
  const at = Math.max(
    0,
    entries.findIndex(({ id }) => id === selected),
  )
  const first = Math.max(0, Math.min(at - Math.floor(room / 2), entries.length - room))
  return entries.slice(first, first + room).map((entry) => {
    const mark = entry.id === selected ? '>' : ' '
    const news = entry.unread === 0 ? '' : ` (${entry.unread})`
    return `${mark} ${entry.kind === 'person' ? '' : '#'}${nameOf(entry)}${stateMark(entry)}${news}`
  })
}

/** Who asks to become a contact, and where nothing can be written. */
function stateMark({ asksUs, isOpen }: Entry): string {
  if (asksUs) return ' ?'
  return isOpen ? '' : ' x'
}

/** The last lines of what was said. */
function renderMessages({ messages, me }: ChatView, columns: number, room: number): string[] {
  const lines: string[] = []
  // From the last message on, until the room is full.
  for (const message of [...messages].reverse()) {
    lines.unshift(...messageLines(message, me.id, columns))
    if (lines.length >= room) break
  }
  return lines.slice(-room)
}

function messageLines(message: ShownMessage, me: string, columns: number): string[] {
  const name = message.from === me ? 'you' : nameOf({ name: message.name, id: message.from })
  const mark = message.from === me && message.status === 'sending' ? ' ..' : ''
  const [first = '', ...others] = printableLines(contentText(message))
  const text = `${timeText(message.writtenAt).slice(-5)} ${name}: ${first}${mark}`
  return [...wrap(text, columns), ...others.flatMap((line) => wrap(`  ${line}`, columns))]
}

/** The end of what is typed, with a mark where the next character goes. */
function inputLine(input: string, columns: number): string {
  const prompt = '> '
  const shown = printable(input)
  const room = columns - prompt.length - 1
  let start = 0
  while (cellsOf(shown.slice(start)) > room) start += 1
  return `${prompt}${shown.slice(start)}_`
}
