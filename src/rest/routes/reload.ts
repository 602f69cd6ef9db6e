/** `/admin/v1/reload`: the running node reads its settings again. */
import { json, text } from '../answer.ts'
import type { Writable } from '../json/write.ts'
import type { Route } from '../route.ts'
import { array, described, object, string } from '../shape.ts'
import type { AdminService } from './admin.ts'

/** A setting that has changed, and how: `info -> debug`. */
export interface Change {
  readonly setting: string
  readonly says: string
}

/** What became of a reload. With problems nothing has changed. */
export interface ReloadReport {
  readonly applied: readonly Change[]
  /** Changed, but this takes effect with the next start only. */
  readonly needsRestart: readonly Change[]
  readonly problems: readonly string[]
}

const changes = array(
  object({ setting: string, says: described(string, 'What it was and what it is: `info -> debug`.') }),
)
const report = object({ applied: changes, needsRestart: changes, problems: array(string) })

export const reloadRoutes: readonly Route<AdminService>[] = [
  {
    method: 'POST',
    path: '/admin/v1/reload',
    summary: 'Read the settings again and apply those that a running node can change, as SIGHUP does',
    answers: {
      200: { when: 'done', shape: report },
      400: {
        when: 'the settings are not valid, or a file that they name is not usable: nothing has changed',
        shape: report,
      },
      501: { when: 'the node was started by another program, which gave it its settings' },
    },
    async handle(_, admin) {
      const done = await admin.reload()
      if (done === undefined) return text(501, 'This node does not know where its settings come from')
      return json(written(done), done.problems.length === 0 ? 200 : 400)
    },
  },
]

function written({ applied, needsRestart, problems }: ReloadReport): Writable {
  const told = (changes: readonly Change[]) => changes.map(({ setting, says }) => ({ setting, says }))
  return { applied: told(applied), needsRestart: told(needsRestart), problems: [...problems] }
}
