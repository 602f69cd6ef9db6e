/** `waypost message contact`: people, and how far we have come with them. */
import { WaypostError } from '../../core/errors.ts'
import type { Contact, Messenger } from '../../messaging/messenger/messenger.ts'
import { writeJson } from '../exact-json.ts'
import { columns, show, writeLine } from '../output.ts'
import { type DeviceOptions, deviceHere, type NetworkOptions, onNetwork } from './device.ts'
import { personGiven } from './ids.ts'
import { contactRow } from './shown.ts'

export async function list(options: DeviceOptions): Promise<undefined> {
  await using device = await deviceHere(options)
  const contacts = await device.me.contacts()
  if (options.json === true) for (const contact of contacts) await writeLine(writeJson(contact))
  else if (contacts.length > 0) await writeLine(columns(contacts.map(contactRow)))
}

/** Asks somebody, known or not: by the whole id. */
export async function add(id: string, text: string, options: NetworkOptions): Promise<undefined> {
  await checkId(id)
  await onNetwork(options, async ({ me }) => {
    await me.requestContact(id, text)
    await tell(me, id, options)
  })
}

async function checkId(id: string): Promise<void> {
  const { keyOfUser } = await import('../../messaging/keys.ts')
  keyOfUser(id)
}

/** What is done about somebody who is known. */
const steps = {
  accept: (me, id) => me.acceptContact(id),
  decline: (me, id) => me.dismissContact(id),
  remove: (me, id) => me.endContact(id),
  block: (me, id) => me.block(id),
  unblock: (me, id) => me.block(id, false),
} as const satisfies Record<string, (me: Messenger, id: string) => Promise<void>>

export type StepName = keyof typeof steps

export function step(name: StepName): (given: string, options: NetworkOptions) => Promise<undefined> {
  return async (given, options) => {
    await onNetwork(options, async ({ me }) => {
      const id = await personGiven(me, given)
      if (name === 'accept') await checkAsked(me, id)
      await steps[name](me, id)
      await tell(me, id, options)
    })
    return undefined
  }
}

async function checkAsked(me: Messenger, id: string): Promise<void> {
  const contact = await contactOf(me, id)
  if (contact?.state === 'asks us' || contact?.state === 'contact') return
  throw new WaypostError('cli/bad-usage', { why: 'this person has not asked: waypost message contact add asks' })
}

async function contactOf(me: Messenger, id: string): Promise<Contact | undefined> {
  return (await me.contacts()).find((one) => one.id === id)
}

async function tell(me: Messenger, id: string, options: NetworkOptions): Promise<void> {
  const contact = await contactOf(me, id)
  if (contact !== undefined) await show(contact, options, (one) => columns([contactRow(one)]))
}
