import { format, inspect } from 'node:util'
import t from 'tap'
import { KeyPair, keyOfUser, uncompress } from '../../src/messaging/keys.ts'
import {
  type Channel,
  communityChannel,
  communityChatChannel,
  communityChatId,
  communityControlChannel,
  communityExtraChannel,
  communityId,
  contactCodeChannel,
  contentTopicOf,
  negotiatedChannel,
  ownChannels,
  partitionedChannel,
  partitionOf,
  personalChannel,
  publicChatChannel,
} from '../../src/messaging/topics.ts'
import { bytesOf, hexOf, readVectors } from '../kit/vectors.ts'

interface Vectors {
  readonly partitions: readonly { secret: string; partition: number }[]
  readonly people: readonly { user: string; contactCode: string; partition?: number; partitioned?: string }[]
}

const vectors = readVectors<Vectors>('status-topics')

t.test('a key is in the partition in which status-go puts it', async (t) => {
  for (const { secret, partition } of vectors.partitions)
    t.equal(partitionOf(KeyPair.fromSecret(bytesOf(secret)).publicKey), partition)
})

t.test('people are found on the topics that their Status clients used', async (t) => {
  for (const { user, contactCode, partition, partitioned } of vectors.people) {
    const key = keyOfUser(user)
    t.equal(contactCodeChannel(key).contentTopic, contactCode)
    if (partition !== undefined) t.equal(partitionOf(key), partition)
    if (partitioned !== undefined) t.equal(partitionedChannel(key).contentTopic, partitioned)
  }
})

const pair = KeyPair.fromSecret(Buffer.alloc(32, 1))
const key = pair.publicKey
const long = hexOf(uncompress(key))
const short = hexOf(key)

const channels = [
  { what: 'contact code', channel: contactCodeChannel(key), name: `0x${long}-contact-code`, opener: 'name', shard: 32 },
  {
    what: 'personal',
    channel: personalChannel(key),
    name: `contact-discovery-${long}`,
    opener: 'recipient',
    shard: 32,
  },
  {
    what: 'negotiated',
    channel: negotiatedChannel(Buffer.alloc(32, 0xab)),
    name: 'ab'.repeat(32),
    opener: 'name',
    shard: 32,
  },
  { what: 'public chat', channel: publicChatChannel('lounge'), name: 'lounge', opener: 'name', shard: 32 },
  { what: 'community', channel: communityChannel(key), name: `0x${short}`, opener: 'name', shard: 32 },
  {
    what: 'community on its shard',
    channel: communityChannel(key, 128),
    name: `0x${short}`,
    opener: 'name',
    shard: 128,
  },
  {
    what: 'community chat',
    channel: communityChatChannel(key, 'uuid'),
    name: `0x${short}uuid`,
    opener: 'name',
    shard: 32,
  },
  { what: 'community control', channel: communityControlChannel(key), name: long, opener: 'recipient', shard: 64 },
  {
    what: 'shard info',
    channel: communityExtraChannel(key, 'shardInfo', 128),
    name: `0x${short}-shard-info`,
    opener: 'name',
    shard: 64,
  },
  {
    what: 'magnet links',
    channel: communityExtraChannel(key, 'magnetlinks', 128),
    name: `0x${short}-magnetlinks`,
    opener: 'name',
    shard: 128,
  },
  {
    what: 'member updates',
    channel: communityExtraChannel(key, 'memberUpdate'),
    name: `0x${short}-memberUpdate`,
    opener: 'name',
    shard: 32,
  },
  { what: 'ping', channel: communityExtraChannel(key, 'ping'), name: `0x${short}-ping`, opener: 'name', shard: 32 },
] as const

/** A channel with its name, which is not among what a comparison sees. */
const shown = ({ name, opener, pubsubTopic, contentTopic }: Channel) => ({ name, opener, pubsubTopic, contentTopic })

for (const { what, channel, name, opener, shard } of channels)
  t.test(`the ${what} channel has its name, topic, opener and shard`, async (t) => {
    const pubsubTopic = `/waku/2/rs/16/${shard}`
    t.same(shown(channel), { name, opener, pubsubTopic, contentTopic: contentTopicOf(name) })
  })

t.test('a key in either form has the same channels', async (t) => {
  const other = uncompress(key)
  for (const make of [
    contactCodeChannel,
    partitionedChannel,
    personalChannel,
    communityChannel,
    communityControlChannel,
  ])
    t.same(shown(make(key)), shown(make(other)))
  t.equal(communityId(key), communityId(other))
  t.equal(communityChatId(key, 'x'), `${communityId(other)}x`)
})

t.test('a person has three channels of its own', async (t) => {
  t.same(
    ownChannels(key).map(({ opener }) => opener),
    ['name', 'recipient', 'recipient'],
  )
})

t.test('what prints a channel does not show its name', async (t) => {
  const channel = negotiatedChannel(Buffer.alloc(32, 0xab))
  const printed = [
    inspect(channel),
    inspect([{ channel }], { showHidden: true, customInspect: false, depth: 9 }),
    format('%o %O %s %j', channel, channel, channel, channel),
    JSON.stringify({ channel }),
    JSON.stringify({ ...channel }),
  ]
  for (const text of printed) t.notMatch(text, 'ab'.repeat(32))
  t.ok(printed.every((text) => text.includes(channel.contentTopic) || text.includes('[object')))
  t.match(inspect({ name: channel.name }), 'ab'.repeat(32), 'the control')
})
