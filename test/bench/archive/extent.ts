/** How many messages the parts of a run have. */

/** Messages that are stored into a history of so many: ten seconds at the steady rate, some seconds of the other kinds. */
export function furtherMessages(messages: number): { paced: number; saturated: number; whileRead: number } {
  return {
    paced: Math.min(messages, 200_000),
    saturated: Math.min(messages, 100_000),
    whileRead: Math.min(messages, 100_000),
  }
}

/** Messages a second that an archive has to take, whatever else it does. */
export const steadyRate = 20_000

/** Messages that are stored in different orders. */
export function orderedMessages(messages: number): number {
  return Math.min(messages, 250_000)
}

/** Share of the messages that retention deletes. */
export const surplus = 0.2
