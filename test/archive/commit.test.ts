import t from 'tap'
import { type CommitLimits, defaultCommitLimits, GroupCommit } from '../../src/archive/commit.ts'
import type { Envelope } from '../../src/core/envelope.ts'
import { envelopeAt, envelopes, hashes } from './kit.ts'

/** A commit whose writes end when the test says so. */
function controlled(limits: Partial<CommitLimits> = {}) {
  const groups: { envelopes: readonly Envelope[]; end: PromiseWithResolvers<void> }[] = []
  const started: (() => void)[] = []
  const commit = new GroupCommit(
    (written) => {
      const end = Promise.withResolvers<void>()
      groups.push({ envelopes: [...written], end })
      started.shift()?.()
      return end.promise
    },
    { ...defaultCommitLimits, ...limits },
  )
  /** Resolves when the next write starts. */
  const next = () => new Promise<void>((resolve) => started.push(resolve))
  return { commit, groups, next }
}

t.test('messages that come together are written together', async (t) => {
  const { commit, groups, next } = controlled()
  const writing = next()
  const [a, b] = envelopes(2)
  const done = Promise.all([commit.add(a!), commit.add(b!)])
  t.equal(commit.waiting, 2)
  await writing
  t.same(hashes(groups[0]!.envelopes), hashes([a!, b!]))
  groups[0]!.end.resolve()
  await done
  t.equal(commit.waiting, 0)
})

t.test('a message is not acknowledged before its write has ended', async (t) => {
  const { commit, groups, next } = controlled()
  const writing = next()
  let acknowledged = false
  const done = commit.add(envelopeAt(1n))!.then(() => {
    acknowledged = true
  })
  await writing
  await new Promise(setImmediate)
  t.notOk(acknowledged)
  groups[0]!.end.resolve()
  await done
  t.ok(acknowledged)
})

t.test('a full group does not wait, and the next follows when it has ended', async (t) => {
  const { commit, groups, next } = controlled({ gather: 3_600_000, groupMessages: 3 })
  const first = next()
  const added = envelopes(6).map((envelope) => commit.add(envelope))
  await first
  t.equal(groups.length, 1)
  t.equal(groups[0]!.envelopes.length, 3)
  const second = next()
  groups[0]!.end.resolve()
  await second
  t.equal(groups[1]!.envelopes.length, 3)
  groups[1]!.end.resolve()
  await Promise.all(added)
})

t.test('a group is also full by its bytes', async (t) => {
  const { commit, groups, next } = controlled({ gather: 3_600_000, groupBytes: 1000 })
  const first = next()
  const payload = Buffer.alloc(600)
  void commit.add(envelopeAt(1n, { payload }))
  void commit.add(envelopeAt(2n, { payload }))
  await first
  t.equal(groups[0]!.envelopes.length, 2)
  groups[0]!.end.resolve()
  await commit.flush()
})

t.test('a message that waits, or is being written, is not written twice', async (t) => {
  const { commit, groups, next } = controlled()
  const writing = next()
  const envelope = envelopeAt(1n)
  const first = commit.add(envelope)
  t.equal(commit.add(envelope), first)
  await writing
  t.equal(commit.add(envelope), first, 'while it is written')
  groups[0]!.end.resolve()
  await first
  t.equal(groups[0]!.envelopes.length, 1)
})

t.test('more than the bounds is refused, and taken again later', async (t) => {
  const { commit, groups, next } = controlled({ pendingMessages: 3 })
  const writing = next()
  const [a, b, c, d] = envelopes(4)
  const added = [a, b, c].map((envelope) => commit.add(envelope!))
  t.equal(commit.add(d!), undefined)
  await writing
  t.equal(commit.add(d!), undefined, 'while the others are written')
  groups[0]!.end.resolve()
  await Promise.all(added)
  const again = next()
  const late = commit.add(d!)
  t.not(late, undefined)
  await again
  groups[1]!.end.resolve()
  await late
})

t.test('bytes are bounded too, but one message is always taken', async (t) => {
  const { commit, groups, next } = controlled({ pendingBytes: 1000 })
  const writing = next()
  const large = commit.add(envelopeAt(1n, { payload: Buffer.alloc(2000) }))
  t.not(large, undefined)
  t.equal(commit.add(envelopeAt(2n)), undefined)
  await writing
  groups[0]!.end.resolve()
  await large
})

t.test('a write that fails fails its group only', async (t) => {
  const { commit, groups, next } = controlled({ groupMessages: 1 })
  const first = next()
  const [a, b] = envelopes(2).map((envelope) => commit.add(envelope)!)
  await first
  const second = next()
  groups[0]!.end.reject(new Error('disk full'))
  await t.rejects(a!, { message: 'disk full' })
  await second
  groups[1]!.end.resolve()
  await t.resolves(b!)
  t.equal(commit.waiting, 0)
})

t.test('flush does not wait for more messages', async (t) => {
  const { commit, groups, next } = controlled({ gather: 3_600_000 })
  const writing = next()
  void commit.add(envelopeAt(1n))
  const flushed = commit.flush()
  await writing
  groups[0]!.end.resolve()
  await flushed
  t.equal(commit.waiting, 0)
  await commit.flush()
})
