/** Reads the metrics of a node, as it writes them for Prometheus. */

type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly name: string
  readonly labels: Labels
  readonly value: number
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/
const label = /(\w+)="((?:[^"\\]|\\.)*)"/g

export class MetricsText {
  readonly samples: readonly Sample[]

  constructor(text: string) {
    this.samples = text.split('\n').flatMap((row) => parseLine(row) ?? [])
  }

  /** The sum over all samples of a metric that have these labels; undefined when there is none. */
  sum(name: string, labels: Labels = {}): number | undefined {
    const found = this.samples.filter((sample) => isNamed(sample, name) && hasLabels(sample, labels))
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
  }

  /** The sums of a metric by the values of a label, in the order in which the node writes them. */
  byLabel(name: string, label: string): ReadonlyMap<string, number> {
    const sums = new Map<string, number>()
    for (const sample of this.samples) {
      const value = sample.labels[label]
      if (value === undefined || !isNamed(sample, name)) continue
      sums.set(value, (sums.get(value) ?? 0) + sample.value)
    }
    return sums
  }
}

function parseLine(row: string): Sample | undefined {
  const [, name, labels = '', value] = line.exec(row) ?? []
  if (name === undefined) return undefined
  const pairs = labels.matchAll(label)
  return { name, labels: Object.fromEntries(Array.from(pairs, ([, key, text]) => [key, text])), value: Number(value) }
}

/** `--metrics-prefix` may have put another word in front. */
function isNamed(sample: Sample, name: string): boolean {
  return sample.name === name || sample.name === name.replace(/^waku_/, 'logos_delivery_')
}

function hasLabels(sample: Sample, labels: Labels): boolean {
  return Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
}
