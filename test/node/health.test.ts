import t from 'tap'
import { protocolHealth } from '../../src/node/health.ts'

const parts = { canAsk: () => false }

function storeOf(health: ReturnType<typeof protocolHealth>) {
  return health.find(({ protocol }) => protocol === 'Store')
}

t.test('a store that lost messages is ready, and says what it lost', async (t) => {
  const store = () => undefined
  t.same(storeOf(protocolHealth({ ...parts, store })), { protocol: 'Store', state: 'READY' })
  const storeLoss = () => '3 stored messages are lost'
  t.same(storeOf(protocolHealth({ ...parts, store, storeLoss })), {
    protocol: 'Store',
    state: 'READY',
    desc: '3 stored messages are lost',
  })
})

t.test('a store that is degraded says why, and nothing else', async (t) => {
  const health = protocolHealth({ ...parts, store: () => 'disk full', storeLoss: () => '3 stored messages are lost' })
  t.same(storeOf(health), { protocol: 'Store', state: 'NOT_READY', desc: 'disk full' })
})

t.test('a way to find peers is listed while it is on, and says why it does not work', async (t) => {
  const discv5 = (why?: string) => ({ ...parts, finders: [{ protocol: 'Discv5', trouble: () => why }] })
  const of = (health: ReturnType<typeof protocolHealth>) => health.filter(({ protocol }) => protocol === 'Discv5')
  t.same(of(protocolHealth(parts)), [])
  t.same(of(protocolHealth(discv5())), [{ protocol: 'Discv5', state: 'READY' }])
  t.same(of(protocolHealth(discv5('port taken'))), [{ protocol: 'Discv5', state: 'NOT_READY', desc: 'port taken' }])
})

t.test('AutoTLS is listed while it is on, and says why browsers cannot connect', async (t) => {
  const autoTlsOf = (health: ReturnType<typeof protocolHealth>) => health.find(({ protocol }) => protocol === 'AutoTLS')
  t.equal(autoTlsOf(protocolHealth(parts)), undefined)
  t.same(autoTlsOf(protocolHealth({ ...parts, autoTls: () => undefined })), { protocol: 'AutoTLS', state: 'READY' })
  const health = protocolHealth({ ...parts, autoTls: () => 'no public address' })
  t.same(autoTlsOf(health), { protocol: 'AutoTLS', state: 'NOT_READY', desc: 'no public address' })
})
