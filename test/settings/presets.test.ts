/** The presets, and the files in config/ that people start from. */
import { readdirSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { presets } from '../../src/settings/presets.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'
import { camelCase, isSettingName, settingNames, settingTable } from '../../src/settings/table.ts'

const repository = path.resolve(import.meta.dirname, '../../..')

t.test('a preset holds settings that fit, each with an effect or one to come', async (t) => {
  for (const [preset, { values }] of Object.entries(presets)) {
    t.ok(Object.keys(values).every(isSettingName), preset)
    const { settings, origins, warnings } = resolveSettings({ argv: [`--preset=${preset}`] })
    t.equal(settings.preset, preset)
    t.same(warnings, [])
    for (const name of settingNames)
      if (name in values) t.same(origins[name], { from: 'preset', preset }, `${preset} ${name}`)
  }
})

t.test('The Waku Network is eight shards of cluster 1, as an edge node', async (t) => {
  const { settings } = resolveSettings({ argv: ['--preset=TWN'] })
  t.equal(settings.clusterId, 1)
  t.equal(settings.numShardsInNetwork, 8)
  t.equal(settings.maxMsgSize, 150 * 1024)
  t.equal(settings.relay, false)
  t.equal(settings.discv5BootstrapNode.length, 3)
})

t.test('cluster 1 is The Waku Network, with or without the preset', async (t) => {
  const named = resolveSettings({ argv: ['--preset=twn'] })
  for (const sources of [{ argv: ['--cluster-id=1'] }, { env: { WAKUNODE2_CLUSTER_ID: '1' } }])
    t.same(resolveSettings(sources).settings, named.settings)
})

t.test('the network of Status is shards 32 and 64 of cluster 16, with messages of 1 MiB', async (t) => {
  const { settings } = resolveSettings({ argv: ['--preset=status.prod'] })
  t.equal(settings.clusterId, 16)
  t.equal(settings.numShardsInNetwork, 0)
  t.same(settings.shard, [32, 64])
  t.equal(settings.maxMsgSize, 1024 * 1024)
  t.equal(settings.relay, true)
})

t.test('a preset yields to what is given explicitly', async (t) => {
  const { settings } = resolveSettings({
    argv: ['--preset=status.prod', '--shard=128', '--max-msg-size=150KiB', '--staticnode='],
  })
  t.same(settings.shard, [128])
  t.equal(settings.maxMsgSize, 150 * 1024)
  t.same(settings.staticnode, [])
})

const files = readdirSync(path.join(repository, 'config'))

t.test('every file in config is valid, without a warning', async (t) => {
  t.same(files.toSorted(), ['relay.toml', 'status.toml', 'store.toml', 'twn.toml'])
  for (const file of files) {
    const { warnings } = resolveSettings({ argv: [`--config-file=config/${file}`], cwd: repository })
    t.same(warnings, [], file)
  }
})

t.test('what npm start runs relays, stores and serves light clients, and names no other host', async (t) => {
  const { settings } = resolveSettings({ argv: ['--config-file=config/store.toml'], cwd: repository })
  for (const service of ['relay', 'store', 'filter', 'lightpush', 'websocketSupport', 'rest', 'metricsServer'] as const)
    t.equal(settings[service], true, service)
  t.equal(settings.restAddress, '127.0.0.1')
  t.equal(settings.metricsServerAddress, '127.0.0.1')
  t.same(settings.nat, { by: 'none' })
  const hosts = settingNames.filter(
    (name) =>
      ['multiaddr', 'enr', 'enrtree'].includes(settingTable[name].kind.type) || name === 'dns-addrs-name-server',
  )
  t.ok(hosts.length > 5)
  for (const name of hosts) t.same(settings[camelCase(name)], [], name)
  t.notOk(settings.discv5Discovery)
})
