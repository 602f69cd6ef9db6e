/** `waypost message`: end to end encrypted messages for scripts. What each does stands in src/cli/messages, loaded when it runs. */
import type { Command } from 'commander'
import { withNotes } from '../command-tree.ts'
import { addCommunity } from './message/community.ts'
import { addContact, addDevices, addIdentity } from './message/people.ts'
import { addGroup, addPublic } from './message/places.ts'
import { addReading, addSaying } from './message/saying.ts'

const notes = `An id is given whole, or by 8 characters or more of its beginning where it is known already. The
password comes from --password-file, from WAYPOST_MESSAGE_PASSWORD, or is asked for; the nodes from --node or
WAYPOST_MESSAGE_NODES. One command at a time works on a folder.`

export function addMessage(program: Command): void {
  const message = program
    .command('message')
    .description('End to end encrypted messages between people, as Status speaks them')
  withNotes(message, notes)
  addIdentity(message)
  addDevices(message)
  addContact(message)
  addSaying(message)
  addReading(message)
  addGroup(message)
  addPublic(message)
  addCommunity(message)
}
