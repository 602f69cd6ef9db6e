/** The settings in words. That docs/settings.md is what they say is shown with the other pages, in docs.test.ts. */
import t from 'tap'
import { describeSettings, showSettings } from '../../src/settings/describe.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'
import { settingNames } from '../../src/settings/table.ts'

t.test('every setting is described once, with a sentence', async (t) => {
  const settings = describeSettings().flatMap((group) => group.settings)
  t.same(settings.map(({ name }) => name).toSorted(), settingNames.toSorted())
  for (const { name, help, form, default: held } of settings) {
    t.match(help, /^[A-Za-z0-9].*\.$/, name)
    t.notMatch(`${help}${form}${held.text}`, /undefined|\n/, name)
  }
})

t.test('a resolved setting is shown with its value and origin, a secret without its value', async (t) => {
  const resolved = resolveSettings({
    argv: [
      `--nodekey=${'ab'.repeat(32)}`,
      '--tcp-port=1',
      '--shard=0',
      '--store-message-db-url=postgres://u:geheim@db:1/x',
    ],
    env: { WAYPOST_REST_TOKEN: 'geheim-geheim-geheim' },
  })
  const shown = showSettings(resolved)
  const rows = new Map(shown.map(({ name, value, from }) => [name, `${value} ${from}`]))
  t.equal(rows.get('tcp-port'), '1 --tcp-port')
  t.equal(rows.get('max-msg-size'), '150KiB default')
  t.equal(rows.get('shard'), '0 --shard')
  t.equal(rows.get('nodekey'), '(hidden) --nodekey')
  t.equal(rows.get('rest-token'), '(hidden) WAYPOST_REST_TOKEN')
  t.equal(rows.get('store-message-db-url'), 'postgres://u:hidden@db:1/x --store-message-db-url')
  t.notMatch(JSON.stringify(shown), /abab|geheim/)
})

t.test('what is shown of a setting can be given again', async (t) => {
  const argv = [
    '--nat=extip:192.0.2.1',
    '--rate-limit=store:10/2s',
    '--trusted-proxy=10.0.0.0/8',
    '--relay-service-ratio=50:50',
  ]
  const first = resolveSettings({ argv })
  const again = showSettings(first)
    .filter(({ value }) => value !== undefined)
    .map(({ name, value }) => `--${name}=${value}`)
  t.same(resolveSettings({ argv: again }).settings, first.settings)
})
