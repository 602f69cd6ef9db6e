/** Who wants to be told of what happens in a router, by event. */
import type { RouterEvent } from './router.ts'

export class Listeners {
  readonly #sets: Readonly<Record<RouterEvent, Set<() => void>>> = {
    heartbeat: new Set(),
    graft: new Set(),
    subscription: new Set(),
  }

  add(event: RouterEvent, listener: () => void): Disposable {
    // Whoever listens twice is told twice.
    const told = (): void => listener()
    this.#sets[event].add(told)
    return { [Symbol.dispose]: () => this.#sets[event].delete(told) }
  }

  tell(event: RouterEvent): void {
    for (const listener of this.#sets[event]) listener()
  }
}
