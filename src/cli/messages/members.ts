/** Who is in a group or a community, as commands write it. */
import type { Messenger } from '../../messaging/messenger/messenger.ts'
import { writeJson } from '../exact-json.ts'
import { columns, type OutputOptions, writeLine } from '../output.ts'
import { printable } from '../printable.ts'

/** A line for each. Who is not known here has no name. */
export async function writeMembers(
  me: Messenger,
  ids: readonly string[],
  { json = false }: OutputOptions,
): Promise<void> {
  const names = new Map((await me.contacts()).map(({ id, name }) => [id, name]))
  for (const id of ids) {
    const member = { id, name: id === me.id ? me.name : (names.get(id) ?? '') }
    await writeLine(json ? writeJson(member) : columns([[printable(member.name) || '-', id]]))
  }
}
