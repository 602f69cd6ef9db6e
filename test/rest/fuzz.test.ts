/**
 * The API against its own reference: requests made from docs/openapi.yaml, valid and with one thing wrong, to a started
 * node. Whatever comes, the answer is one that the document declares for that operation, and the node goes on.
 */
import fc from 'fast-check'
import t from 'tap'
import { AnswerJudge, type Located, operationsOf, readDocument } from '../kit/openapi-document.ts'
import { startedNode, type Told } from '../kit/rest.ts'
import { bodiesOf, stringsOf, valuesOf } from '../kit/schema-values.ts'

// Half a minute is enough alone, not beside others.
t.setTimeout(600_000)

const seed = 20_261_126
const requests = 2000

const document = readDocument()
const judge = new AnswerJudge(document)
/** A stream of events has no end. */
const operations = operationsOf(document).filter(({ path }) => path !== '/relay/v1/events')

const node = await startedNode(t, t.testdir(), [
  '--relay',
  '--store',
  '--legacy-store',
  '--filter',
  '--lightpush',
  '--rest-admin',
  '--num-shards-in-network=8',
  '--rest-max-body=64KiB',
])

/** Texts that mean something to some operation. Addresses are of this machine, where nobody listens. */
const texts = [
  '/waku/2/rs/0/0',
  '/waku/2/rs/0/7',
  '/waku/2/rs/0/900',
  '/toychat/2/huilong/proto',
  '/0/toychat/2/huilong/proto',
  '/a/1/b',
  'aGVsbG8=',
  'a-b_',
  '0',
  '-1',
  '3',
  '65536',
  '1700000000000000000',
  '9223372036854775807',
  '9223372036854775808',
  'true',
  'false',
  '',
  ',',
  '..',
  '%',
  '%2f',
  'ab'.repeat(32),
  `0x${'00'.repeat(32)}`,
  node.peerId,
  `/ip4/127.0.0.1/tcp/1/p2p/${node.peerId}`,
  '/ip4/127.0.0.1/tcp/1/p2p/16Uiu2HAm4v86W3bmT1BiH6oSPzcsSr24iDQpSN5Qa992BCjjwgrD',
  'FATAL',
]

interface Question extends Located {
  readonly target: string
  readonly body?: string
  readonly type: string
}

const types = fc.oneof(
  { weight: 8, arbitrary: fc.constant('application/json') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('text/plain', 'text/html', 'application/json; charset=utf-8', 'x', 'a/b;;;='),
  },
)

/** A text as it is sent: encoded, or now and then not. */
function sent(text: string): fc.Arbitrary<string> {
  const raw = text.replace(/[^!-~]|[?#\\]/g, '')
  return fc.oneof(
    { weight: 9, arbitrary: fc.constant(encodeURIComponent(text)) },
    { weight: 1, arbitrary: fc.constant(raw) },
  )
}

/** What a log level is changed to, the log of this test has to bear. */
const quiet = fc.constantFrom('FATAL', 'fatal', 'loud', '', '\u0000')

function targetsOf({ path, operation: { parameters = [] } }: Located): fc.Arbitrary<string> {
  const inPath = parameters.filter((one) => one.in === 'path')
  const inQuery = parameters.filter((one) => one.in === 'query')
  const values = inPath.map(({ name }) => (name === 'logLevel' ? quiet : stringsOf(texts)).chain(sent))
  const pairs = inQuery.map(({ name, schema }) =>
    fc.option(
      fc
        .oneof(valuesOf(schema, texts).map(String), stringsOf(texts))
        .chain(sent)
        .map((value) => `${name}=${value}`),
      { nil: undefined, freq: 1 },
    ),
  )
  return fc.tuple(fc.tuple(...values), fc.tuple(...pairs)).map(([some, query]) => {
    const filled = inPath.reduce(
      (target, { name }, index) => target.replace(`{${name}}`, () => some[index] ?? ''),
      path,
    )
    const given = query.filter((pair) => pair !== undefined)
    return given.length === 0 ? filled : `${filled}?${given.join('&')}`
  })
}

function questionsOf(located: Located): fc.Arbitrary<Question> {
  const schema = located.operation.requestBody?.content['application/json']?.schema
  const bodies = schema === undefined ? fc.string() : bodiesOf(schema, texts)
  const body = located.method === 'GET' ? fc.constant(undefined) : fc.option(bodies, { nil: undefined, freq: 20 })
  return fc.record({ target: targetsOf(located), body, type: types }).map((rest) => ({
    ...located,
    ...rest,
    [fc.toStringMethod]: () => JSON.stringify({ method: located.method, ...rest }).slice(0, 2000),
  }))
}

async function ask({ method, target, body, type }: Question): Promise<Told> {
  const headers = body === undefined ? {} : { 'content-type': type }
  const sent = body === undefined ? undefined : Buffer.from(body)
  const response = await fetch(`${node.restUrl}${target}`, { method, body: sent, headers })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

/** Undefined when the target led somewhere else: a slash or dots that were not encoded. */
function complaint({ path, target, operation }: Question, told: Told): string | undefined {
  const isElsewhere =
    target.split('?')[0]?.split('/').length !== path.split('/').length || /\/\.{1,2}(\/|$|\?)/.test(target)
  if (isElsewhere && told.status === 404 && told.text === '') return undefined
  if (told.text === 'internal error') return told.text
  // Before a route is found: what HTTP itself has a limit for.
  if (told.status === 431 && target.length > 50_000) return undefined
  return isElsewhere ? undefined : judge.complaint(operation, told)
}

t.test('every answer to whatever is asked is one that the reference declares', async (t) => {
  const seen = new Map<string, number>()
  const asked = new Set<string>()
  const count = (key: string) => seen.set(key, (seen.get(key) ?? 0) + 1)
  const questions = fc.constantFrom(...operations).chain(questionsOf)
  await fc.assert(
    fc.asyncProperty(questions, async (question) => {
      const told = await ask(question)
      count(`${told.status}`)
      asked.add(question.operation.operationId)
      const wrong = complaint(question, told)
      if (wrong !== undefined) throw new Error(wrong)
    }),
    { seed, numRuns: requests },
  )
  t.comment(
    [...seen]
      .sort()
      .map(([status, times]) => `${status}: ${times}`)
      .join(', '),
  )
  t.equal(asked.size, operations.length, 'every operation was asked')
  for (const status of ['200', '400', '404', '500']) t.ok((seen.get(status) ?? 0) > 0, `some answers are ${status}`)
  for (const path of ['/livez', '/readyz']) t.equal((await fetch(`${node.restUrl}${path}`)).status, 200, path)
})

t.test('an answer that the document does not declare is found', async (t) => {
  const info = operations.find(({ path }) => path === '/info')
  if (info === undefined) return t.fail('no such operation')
  const good: Told = { status: 200, type: 'application/json', text: '{"listenAddresses":[],"enrUri":""}' }
  const complains = (told: Partial<Told>) => judge.complaint(info.operation, { ...good, ...told })
  t.equal(complains({}), undefined)
  t.match(complains({ status: 500 }), /status 500 is not declared/)
  t.match(complains({ type: 'text/plain' }), /as text\/plain is not declared/)
  t.match(complains({ text: '{"listenAddresses":[1],"enrUri":""}' }), /must be string/)
  t.match(complains({ text: '{"listenAddresses":[],"enrUri":"","more":1}' }), /must NOT have additional/)
  t.equal(complains({ status: 401, type: 'text/plain', text: 'x' }), undefined, 'shared answers are declared')
})
