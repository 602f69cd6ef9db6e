/** `waypost message identity`, `devices` and `contact`: who we are, and whom we know. */
import type { Command } from 'commander'
import type { StepName } from '../../messages/contact.ts'
import { here, lazily, there } from './device-command.ts'

const identity = () => import('../../messages/identity.ts')
const devices = () => import('../../messages/own-devices.ts')
const contact = () => import('../../messages/contact.ts')

export function addIdentity(message: Command): void {
  const parent = message.command('identity').description('Who you are, on this device')
  const name = ['--name <name>', 'what others see: 5 to 24 letters, digits, spaces, _ and -'] as const
  here(parent, 'create', 'Make a new identity, encrypted by a password')
    .option(...name)
    .action(lazily(identity, ({ create }) => create))
  here(
    parent,
    'restore',
    'Take the identity that 12 words stand for, on this new device: from standard input, or asked for',
  )
    .option(...name)
    .action(lazily(identity, ({ restore }) => restore))
  here(parent, 'show', 'Your id, which others need to ask you, and your name').action(
    lazily(identity, ({ showIdentity }) => showIdentity),
  )
  here(parent, 'words', 'The 12 words that restore this identity. Whoever has them is you').action(
    lazily(identity, ({ words }) => words),
  )
  there(parent, 'rename', 'Give yourself another name, and tell it')
    .argument('<name>', name[1])
    .action(lazily(identity, ({ rename }) => rename))
}

export function addDevices(message: Command): void {
  const parent = message
    .command('devices')
    .description('Your devices: two of them share contacts and what is said once each is enabled on the other')
  here(parent, 'list', 'This device and those that have announced themselves').action(
    lazily(devices, ({ list }) => list),
  )
  there(parent, 'announce', 'Tell your other devices of this one')
    .argument('<name>', 'what you call it')
    .action(lazily(devices, ({ announce }) => announce))
  for (const [name, help, isEnabled] of [
    ['enable', 'Share all from now on with another device of yours', true],
    ['disable', 'Share no more with another device of yours', false],
  ] as const)
    there(parent, name, help)
      .argument('<installation>', 'which')
      .action(lazily(devices, ({ enable }) => enable(isEnabled)))
}

const steps: Readonly<Record<StepName, string>> = {
  accept: 'Say yes to somebody who asked',
  decline: 'Put the request of somebody aside; they are told nothing',
  remove: 'End being contacts, for both',
  block: 'Take nothing more of somebody; they are told nothing',
  unblock: 'Take messages of somebody again',
}

export function addContact(message: Command): void {
  const parent = message.command('contact').description('People: both have to agree before they write to each other')
  there(parent, 'add', 'Ask somebody to become a contact')
    .argument('<id>', 'the whole id: 0x04 and 128 digits')
    .argument('<text>', 'a few words, which are shown with the request')
    .action(lazily(contact, ({ add }) => add))
  for (const [name, help] of Object.entries(steps) as [StepName, string][])
    there(parent, name, help)
      .argument('<id>', 'whom')
      .action(lazily(contact, ({ step }) => step(name)))
  here(parent, 'list', 'Everybody who is known here, and how far you have come with each').action(
    lazily(contact, ({ list }) => list),
  )
}
