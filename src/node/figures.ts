/** Reads figures back from the metrics, so that page, history and Prometheus can never say different things. */
import type { Counter, Gauge } from 'prom-client'

type Labels = Readonly<Record<string, string>>

/** The sum over the series of `metric` that have these labels; NaN when there is none. */
export async function figure(metric: Counter<string> | Gauge<string>, labels: Labels = {}): Promise<number> {
  const { values } = await metric.get()
  const wanted = Object.entries(labels)
  const matching = values.filter((one) => wanted.every(([name, value]) => (one.labels as Labels)[name] === value))
  return matching.length === 0 ? Number.NaN : matching.reduce((sum, { value }) => sum + value, 0)
}

/** The sums over `metric` by the values of one label, the largest first. */
export async function figuresBy(metric: Gauge<string>, label: string): Promise<{ name: string; count: number }[]> {
  const { values } = await metric.get()
  const byValue = Map.groupBy(values, (one) => String((one.labels as Labels)[label]))
  return [...byValue]
    .map(([name, group]) => ({ name, count: group.reduce((sum, { value }) => sum + value, 0) }))
    .sort((a, b) => b.count - a.count)
}
