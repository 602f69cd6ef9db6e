/** Who cleans up what the kit makes, when it is done: a tap test, or a bench. */
import type { Test } from 'tap'

export type Owner = Pick<Test, 'teardown'>
