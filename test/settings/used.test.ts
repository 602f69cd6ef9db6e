/** What the table promises, the program keeps: a setting that is not read anywhere is not implemented. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { camelCase, type SettingName, settingNames, settingTable } from '../../src/settings/table.ts'

const repository = path.resolve(import.meta.dirname, '../../..')

/** Settings that src/settings itself makes into others. */
const spent: readonly SettingName[] = ['config-file', 'preset', 'ports-shift', 'unsafe-relay-without-rln']

/** The text of all that may read settings. */
function readers(): string {
  const files = ['node', 'cli', 'rest'].flatMap((folder) =>
    readdirSync(path.join(repository, 'src', folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => path.join(repository, 'src', folder, file)),
  )
  return files.map((file) => readFileSync(file, 'utf8')).join('\n')
}

t.test('every setting that counts as implemented is read by the program', async (t) => {
  const program = readers()
  for (const name of settingNames) {
    if (settingTable[name].treatment.is !== 'implemented' || spent.includes(name)) continue
    t.match(program, new RegExp(`\\b${camelCase(name)}\\b`), name)
  }
})
