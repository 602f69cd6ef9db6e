/**
 * Networks by name: what a node of each has where nothing is given explicitly. Plain data, written as one would write
 * it in a settings file.
 */
import type { Given } from './given.ts'
import { type PresetName, presetNames } from './table/node.ts'
import type { SettingName } from './table.ts'

export interface Preset {
  /** What network it is, for the reference page. */
  readonly about: string
  readonly values: Readonly<Partial<Record<SettingName, string | readonly string[]>>>
}

/**
 * The Waku Network, 64/WAKU2-NETWORK; values and boot nodes from nwaku's waku/factory/networks_config.nim. Relay needs
 * RLN there, which is not in this version, so that the node is an edge node (decision 0005, 10).
 */
const twn: Preset = {
  about:
    'The Waku Network (cluster 1, eight shards), as an edge node: without RLN it asks and serves, but does not relay.',
  values: {
    'cluster-id': '1',
    'num-shards-in-network': '8',
    'max-msg-size': '150KiB',
    relay: 'false',
    'discv5-discovery': 'true',
    'discv5-bootstrap-node': [
      'enr:-QESuED0qW1BCmF-oH_ARGPr97Nv767bl_43uoy70vrbah3EaCAdK3Q0iRQ6wkSTTpdrg_dU_NC2ydO8leSlRpBX4pxiAYJpZIJ2NIJpcIRA4VDAim11bHRpYWRkcnO4XAArNiZub2RlLTAxLmRvLWFtczMud2FrdS5zYW5kYm94LnN0YXR1cy5pbQZ2XwAtNiZub2RlLTAxLmRvLWFtczMud2FrdS5zYW5kYm94LnN0YXR1cy5pbQYfQN4DgnJzkwABCAAAAAEAAgADAAQABQAGAAeJc2VjcDI1NmsxoQOTd-h5owwj-cx7xrmbvQKU8CV3Fomfdvcv1MBc-67T5oN0Y3CCdl-DdWRwgiMohXdha3UyDw',
      'enr:-QEkuED9X80QF_jcN9gA2ZRhhmwVEeJnsg_Hyg7IFCTYnZD0BDI7a8HArE61NhJZFwygpHCWkgwSt2vqiABXkBxzIqZBAYJpZIJ2NIJpcIQiQlleim11bHRpYWRkcnO4bgA0Ni9ub2RlLTAxLmdjLXVzLWNlbnRyYWwxLWEud2FrdS5zYW5kYm94LnN0YXR1cy5pbQZ2XwA2Ni9ub2RlLTAxLmdjLXVzLWNlbnRyYWwxLWEud2FrdS5zYW5kYm94LnN0YXR1cy5pbQYfQN4DgnJzkwABCAAAAAEAAgADAAQABQAGAAeJc2VjcDI1NmsxoQPFAS8zz2cg1QQhxMaK8CzkGQ5wdHvPJcrgLzJGOiHpwYN0Y3CCdl-DdWRwgiMohXdha3UyDw',
      'enr:-QEkuEBfEzJm_kigJ2HoSS_RBFJYhKHocGdkhhBr6jSUAWjLdFPp6Pj1l4yiTQp7TGHyu1kC6FyaU573VN8klLsEm-XuAYJpZIJ2NIJpcIQI2SVcim11bHRpYWRkcnO4bgA0Ni9ub2RlLTAxLmFjLWNuLWhvbmdrb25nLWMud2FrdS5zYW5kYm94LnN0YXR1cy5pbQZ2XwA2Ni9ub2RlLTAxLmFjLWNuLWhvbmdrb25nLWMud2FrdS5zYW5kYm94LnN0YXR1cy5pbQYfQN4DgnJzkwABCAAAAAEAAgADAAQABQAGAAeJc2VjcDI1NmsxoQOwsS69tgD7u1K50r5-qG5hweuTwa0W26aYPnvivpNlrYN0Y3CCdl-DdWRwgiMohXdha3UyDw',
    ],
  },
}

/**
 * The network of the Status app. Its messages are on the static shards 32 and 64 of cluster 16; images make messages of
 * up to 1 MiB. The boot nodes are those of status-go's and nwaku's status.prod.
 */
const statusProd: Preset = {
  about: 'The network of the Status app: cluster 16, static shards 32 and 64, messages of up to 1 MiB.',
  values: {
    'cluster-id': '16',
    'num-shards-in-network': '0',
    shard: ['32', '64'],
    'max-msg-size': '1024KiB',
    'discv5-discovery': 'true',
    'dns-discovery-url':
      'enrtree://AMOJVZX4V6EXP7NTJPMAYJYST2QP6AJXYW76IU6VGJS7UVSNDYZG4@boot.prod.status.nodes.status.im',
    staticnode: [
      '/dns4/boot-01.do-ams3.status.prod.status.im/tcp/30303/p2p/16Uiu2HAmAR24Mbb6VuzoyUiGx42UenDkshENVDj4qnmmbabLvo31',
      '/dns4/boot-01.gc-us-central1-a.status.prod.status.im/tcp/30303/p2p/16Uiu2HAm8mUZ18tBWPXDQsaF7PbCKYA35z7WB2xNZH2EVq1qS8LJ',
      '/dns4/boot-01.ac-cn-hongkong-c.status.prod.status.im/tcp/30303/p2p/16Uiu2HAmGwcE8v7gmJNEWFtZtojYpPMTHy2jBLL6xRk33qgDxFWX',
    ],
  },
}

/** A network of one's own on one machine. It listens on loopback only and asks nobody. */
const local: Preset = {
  about: "A network of one's own, for developing: loopback only, every service on, eight shards of cluster 0.",
  values: {
    'cluster-id': '0',
    'num-shards-in-network': '8',
    'listen-address': '127.0.0.1',
    nat: 'none',
    relay: 'true',
    store: 'true',
    filter: 'true',
    lightpush: 'true',
    'websocket-support': 'true',
    'rest-admin': 'true',
    'metrics-server': 'true',
    'discv5-discovery': 'false',
    rendezvous: 'false',
    'peer-exchange': 'false',
    'ip-colocation-limit': '0',
  },
}

export const presets: Readonly<Record<PresetName, Preset>> = { twn, 'status.prod': statusProd, local }

/** The cluster of The Waku Network. */
export const twnCluster = 1

/**
 * What the preset gives that the sources name; on the cluster of The Waku Network, twn even when they name none, since
 * `--cluster-id=1` is what nwaku's operators write. A name or number that does not fit is reported with its setting.
 */
export function presetLayer(layers: readonly (readonly Given[])[]): Given[] {
  const chosen = lastText(layers, 'preset')?.trim().toLowerCase()
  const onTwn = Number(lastText(layers, 'cluster-id')) === twnCluster
  const preset = presetNames.find((name) => name === chosen) ?? (onTwn && !chosen ? 'twn' : undefined)
  if (preset === undefined) return []
  return Object.entries({ preset, ...presets[preset].values }).map(([name, value]) => ({
    // The keys of a preset's values are names of settings.
    name: name as SettingName,
    text: typeof value === 'string' ? value : JSON.stringify(value),
    origin: { from: 'preset', preset },
  }))
}

function lastText(layers: readonly (readonly Given[])[], name: SettingName): string | undefined {
  return layers.map((layer) => layer.findLast((one) => one.name === name)).find((one) => one !== undefined)?.text
}
