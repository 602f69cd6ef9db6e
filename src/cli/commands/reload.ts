/** `waypost reload`: the running node reads its settings again, as at SIGHUP. */
import type { Command } from 'commander'
import type { Change, ReloadReport } from '../../rest/routes/reload.ts'
import { action } from '../action.ts'
import { withNotes } from '../command-tree.ts'
import { parseJson } from '../exact-json.ts'
import { exits } from '../exit-codes.ts'
import { columns, type OutputOptions, show } from '../output.ts'
import { adminHints, type RestOptions, restClient, withRestOptions } from '../rest-client.ts'

export function addReload(program: Command): void {
  const command = withRestOptions(program.command('reload'))
    .description('Have the running node read its settings again, as SIGHUP does (needs --rest-admin=true there)')
    .option('--json', 'one line of JSON')
    .action(action(reload))
  withNotes(command, notes)
}

const notes = `Exit code: 0 what could change has changed, 78 the settings are not valid: nothing has changed.`

async function reload(options: RestOptions & OutputOptions): Promise<number> {
  const answer = await restClient(options).post('/admin/v1/reload', undefined, { ...adminHints, alsoTakes: 400 })
  // The route of our own node: the shape is its.
  const report = parseJson(answer) as ReloadReport
  await show(report, options, render)
  return report.problems.length === 0 ? exits.ok : exits.badSettings
}

function render({ applied, needsRestart, problems }: ReloadReport): string {
  if (problems.length > 0) return ['nothing has changed, since the settings are not valid:', ...problems].join('\n')
  if (applied.length + needsRestart.length === 0) return 'no setting has changed'
  return columns([...rows('applied', applied), ...rows('needs a restart', needsRestart)])
}

function rows(what: string, changes: readonly Change[]): readonly string[][] {
  return changes.map(({ setting, says }) => [what, setting, says])
}
