/** Sealed files: opened by their password under their name, and by nothing else. */
import fc from 'fast-check'
import t from 'tap'
import { Sealer } from '../../../src/cli/backup/seal.ts'
import { isWaypostError } from '../../../src/core/errors.ts'

const content = Buffer.from('a'.repeat(64))

t.test('what is sealed is opened by its password, also by another process, and does not show', async (t) => {
  const sealed = await new Sealer('correct horse').seal('node.key', content)
  t.same(await new Sealer('correct horse').open('node.key', sealed), content)
  t.notOk(sealed.includes(content.subarray(0, 8)))
  const again = await new Sealer('correct horse').seal('node.key', content)
  t.notOk(again.equals(sealed), 'no two are the same')
})

t.test('another password, another name, and any change are refused, without a secret in the error', async (t) => {
  const sealer = new Sealer('correct horse')
  const sealed = await sealer.seal('node.key', content)
  const refused = async (opener: Sealer, name: string, bytes: Buffer): Promise<string> => {
    const error = await opener.open(name, bytes).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (!isWaypostError(error, 'backup/cannot-open')) throw new Error('it was opened')
    return error.message
  }
  t.notMatch(await refused(new Sealer('wrong horse'), 'node.key', sealed), /horse|aaaa/)
  await refused(sealer, 'rest.token', sealed)
  for (let length = 0; length < sealed.length; length += 1)
    await refused(sealer, 'node.key', sealed.subarray(0, length))
  // Behind the parameters, each of which would cost a key of its own.
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 28 * 8, max: sealed.length * 8 - 1 }), async (bit) => {
      const changed = Buffer.from(sealed)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      await refused(sealer, 'node.key', changed)
    }),
    { numRuns: 100 },
  )
  t.same(await sealer.open('node.key', sealed), content, 'the one that was not changed opens')
})

t.test(
  'parameters that would cost gigabytes or minutes, or protect nothing, are refused before they are used',
  async (t) => {
    const sealed = await new Sealer('correct horse').seal('node.key', content)
    for (const [at, value] of [
      [9, 30],
      [9, 255],
      [9, 1],
      [10, 255],
      [10, 0],
      [11, 200],
      [11, 0],
      [8, 9],
      [0, 0],
    ] as const) {
      const changed = Buffer.from(sealed).fill(value, at, at + 1)
      await t.rejects(new Sealer('correct horse').open('node.key', changed), { code: 'backup/cannot-open' })
    }
  },
)
