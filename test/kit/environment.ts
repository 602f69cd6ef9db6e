/** The environment for a program that a test starts. */

/** Ours without what tap adds to watch its own processes, which doubles the start-up time of a program; and `extra`. */
export function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => name !== 'NODE_OPTIONS' && !/^_?TAP/.test(name))
  return { ...Object.fromEntries(own), ...extra }
}
