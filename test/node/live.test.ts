import t from 'tap'
import { type LiveParts, liveParts } from '../../src/node/live.ts'
import { settingNames, settingTable } from '../../src/settings/table.ts'

t.test('what counts as live in the table is what a node can change, no more and no less', async (t) => {
  // The table is looked at, and nothing of it is done.
  const changeable = liveParts({} as LiveParts).flatMap(({ settings }) => settings)
  const live = settingNames.filter((name) => settingTable[name].live)
  t.same(changeable.toSorted(), live.toSorted())
  t.equal(new Set(changeable).size, changeable.length, 'each in one subject')
})
