/**
 * What the dashboard shows, row by row: `npm run docs` makes deploy/grafana/dashboards/waypost.json of it. Every metric has
 * a place here, and the first row is what one looks at first.
 */
import type { Row } from './panel.ts'
import { archive } from './rows/archive.ts'
import { atAGlance } from './rows/at-a-glance.ts'
import { discovery } from './rows/discovery.ts'
import { filter } from './rows/filter.ts'
import { network } from './rows/network.ts'
import { processRow } from './rows/process.ts'
import { relay } from './rows/relay.ts'
import { rest } from './rows/rest.ts'
import { services } from './rows/services.ts'
import { storeSync } from './rows/store-sync.ts'

export const rows: readonly Row[] = [
  atAGlance,
  network,
  discovery,
  relay,
  archive,
  storeSync,
  filter,
  services,
  rest,
  processRow,
]
