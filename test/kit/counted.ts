/** What a metric has counted, for tests. */

interface Counting {
  get(): Promise<{ values: readonly { labels: Partial<Record<string, string | number>>; value: number }[] }>
}

/** The label sets that have counted something: `[value of the label, count]`, in the order of the table. */
export async function counted(metric: Counting, label: string): Promise<[string | number | undefined, number][]> {
  const { values } = await metric.get()
  return values.filter(({ value }) => value > 0).map(({ labels, value }) => [labels[label], value])
}
