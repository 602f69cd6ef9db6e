/**
 * The operator of a node that carries and keeps what people say to each other: has its folder, its log at the most talkative
 * level, and what its store and its filter hand out. Public chats are left out: their name is their key, and who runs a node may
 * guess it.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { readKeyFile } from '../../../src/messaging/identity/key-file.ts'
import type { Carried } from '../../../src/messaging/network.ts'
import { clientOf, published, Told } from '../../client/kit.ts'
import type { Daemon } from '../../kit/daemon.ts'
import { messageBytes } from '../../kit/messages.ts'
import { neighbour, networkDaemon } from '../../kit/twins.ts'
import { until } from '../../kit/until.ts'
import { befriend, type Device, device, TestNetwork } from '../messenger/kit.ts'
import { bytesNeedle, filesUnder, found, keyNeedles, type Needle, textNeedle } from './search.ts'

const pubsubTopic = '/waku/2/rs/16/32'
const flags = ['--cluster-id=16', '--num-shards-in-network=0', '--shard=32', '--log-level=TRACE']
const options = { clusterId: 16 }

/** A person whose only network is the node. */
async function person(t: Test, node: Daemon, name: string): Promise<Device> {
  const network = await clientOf(t, [node.tcp], options)
  return await device(t, new TestNetwork(), { network, name })
}

interface Page {
  readonly messages: readonly { readonly message: { readonly payload: string; readonly contentTopic: string } }[]
  readonly paginationCursor?: string
}

/** All that the store hands out: its answers, and each payload as bytes. */
async function stored(node: Daemon) {
  const hay: Buffer[] = []
  const topics = new Set<string>()
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const from = cursor && `&cursor=${encodeURIComponent(cursor)}`
    const text = await (await fetch(`${node.restUrl}/store/v3/messages?includeData=true&pageSize=100${from}`)).text()
    const page = JSON.parse(text) as Page
    hay.push(Buffer.from(text), ...page.messages.map(({ message }) => Buffer.from(message.payload, 'base64')))
    for (const { message } of page.messages) topics.add(message.contentTopic)
    cursor = page.paginationCursor
  }
  return { hay, topics: [...topics] }
}

function pushed(messages: readonly Carried[]): Buffer[] {
  return messages.map(({ message }) => Buffer.concat([Buffer.from(message.contentTopic), message.payload]))
}

function logged(node: Daemon): Buffer[] {
  return node.lines.map((line) => Buffer.from(JSON.stringify(line)))
}

/** Keys of a person, public and secret, and what the person is called. */
async function needlesOf({ me, folder }: Device): Promise<Needle[]> {
  const account = await readKeyFile(`${folder}/account.json`, 'secret')
  if (account === undefined) throw new Error('there is no account in the folder')
  const { name } = me
  return [
    textNeedle(`name ${name}`, name),
    ...keyNeedles(`key of ${name}`, me.id),
    textNeedle(`id of ${name}`, me.id),
    textNeedle(`device of ${name}`, account.installation),
    bytesNeedle(`secret key of ${name}`, Buffer.from(account.chat.secretBytes())),
    bytesNeedle(`secret of the device of ${name}`, Buffer.from(account.encryption.secretBytes())),
  ]
}

t.test('the operator of a node finds no text, key, name or chat in its folder, log, store and filter', async (t) => {
  const dataDir = t.testdir()
  const node = await networkDaemon(t, { flags, dataDir })
  const other = await neighbour(t, node, { pubsubTopic, flags })
  const names = ['Zebulon Quick', 'Philippa Vex', 'Wilhelmina Jax']
  const people = await Promise.all(names.map((name) => person(t, node, name)))
  const [alice, bob, carol] = people as [Device, Device, Device]
  await befriend(alice, bob)
  await befriend(alice, carol)
  const group = await alice.me.createGroup('walks in Quillmarsh', [bob.me.id, carol.me.id])
  await until(async () => (await bob.me.members(group)).length === 3 && (await carol.me.members(group)).length === 3)

  const operator = await clientOf(t, [node.tcp], options)
  const told = new Told()
  operator.listen(told)
  operator.follow([{ pubsubTopic, contentTopics: (await stored(node)).topics }])
  await told.until(() => told.times > 0)
  const texts = ['between the two', 'in the group', 'and an answer'].map((text) => `${text} ${randomUUID()}`)
  const [between = '', among = '', answer = ''] = texts
  await alice.me.send(bob.me.id, between)
  await alice.me.send(group, among)
  await until(() => bob.texts().includes(between) && carol.texts(group).includes(among))
  await bob.me.send(alice.me.id, answer)
  await until(() => alice.texts().includes(answer))
  await told.until(() => told.messages.length >= 4)

  const { forms } = bytesNeedle('planted', randomBytes(33))
  const planted = forms.map((form, index) => ({ what: `form ${index}`, forms: [form] }))
  const payload = Buffer.concat(forms)
  const [leaking = ''] = (await stored(node)).topics
  await published(operator, messageBytes({ payload, contentTopic: leaking }), pubsubTopic)
  await told.until(() => told.messages.some(({ message }) => payload.equals(message.payload)))

  const needles = [
    ...texts.map((text) => textNeedle(text, text)),
    ...(await Promise.all(people.map(needlesOf))).flat(),
    textNeedle('the id of the group', group),
    textNeedle('the number in it', group.split('-0x')[0] ?? group),
    textNeedle('the name of the group', 'walks in Quillmarsh'),
  ]
  const places = {
    folder: await filesUnder(dataDir),
    store: (await stored(node)).hay,
    filter: pushed(told.messages),
  }
  for (const [place, hay] of Object.entries(places)) {
    t.same(found(hay, needles), [], place)
    const all = planted.map(({ what }) => what)
    t.same(found(hay, planted), all, `control: what is planted is found in the ${place}, in each form`)
  }
  t.same(found(logged(node), needles), [], 'log')
  const peer = textNeedle('the neighbour', other.peerId)
  t.same(found(logged(node), [peer]), ['the neighbour'], 'control: what stands in the log is found')
})
