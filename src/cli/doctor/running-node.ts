/** The node that runs with the settings in question, as far as it tells of itself. */
import type { Settings } from '../../settings/table.ts'
import { MetricsText } from '../metrics-text.ts'
import { restClientOf } from '../rest-client.ts'
import { type Snapshot, takeSnapshot } from '../snapshot.ts'

export interface RunningNode {
  readonly snapshot: Snapshot
  readonly metrics: MetricsText
}

/** Undefined when none answers, or REST is off. */
export async function findRunningNode(
  settings: Settings,
  restUrl: string | undefined,
): Promise<RunningNode | undefined> {
  if (restUrl === undefined && (!settings.rest || settings.restPort === 0)) return undefined
  try {
    const client = restClientOf(settings, restUrl)
    const snapshot = await takeSnapshot(client)
    return { snapshot, metrics: new MetricsText(await client.text('/metrics')) }
  } catch {
    return undefined
  }
}
