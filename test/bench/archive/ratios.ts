/** What figures are measured by. */
import type { Rates } from './steps/rates.ts'

/** Bytes of payload, pubsub topic, content topic and hash of a message. */
export const messageBytes = 1024 + 15 + 22 + 32

/** The mean of what LevelDB itself took before and after. */
export function meanRates(rates: readonly Rates[]): Pick<Rates, 'unsynced' | 'synced'> & { readonly pacedP99: number } {
  const mean = (of: (rate: Rates) => number) => rates.reduce((sum, rate) => sum + of(rate), 0) / rates.length
  return {
    unsynced: mean(({ unsynced }) => unsynced),
    synced: mean(({ synced }) => synced),
    pacedP99: mean(({ paced }) => paced.p99),
  }
}
