/** Property tests. */
import fc from 'fast-check'
import type { Test } from 'tap'

/** Asserts that `property` holds for whatever it is tried with; 100 tries unless said otherwise. */
export function holds<Values>(t: Test, property: fc.IProperty<Values>, options: fc.Parameters<Values> = {}): void {
  fc.assert(property, options)
  t.pass('the property holds')
}
