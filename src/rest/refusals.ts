/**
 * Answers that are not a route's own: it is refused before it is asked, or its subject is absent. They are told here,
 * once, for the reference and for the test that holds every answer against it.
 */
import type { AnswerRow, Group, Route } from './route.ts'
import type { NodeView } from './view.ts'

interface Refusal extends AnswerRow {
  readonly status: number
  /** Which routes it concerns. */
  readonly concerns: (group: Group, route: Route<NodeView>) => boolean
}

/** By the name that the reference gives them. All are plain text. */
export const refusals = {
  badRequest: {
    status: 400,
    when: 'a parameter is not percent-encoded UTF-8, or there is more than one Origin',
    concerns: () => true,
  },
  noToken: {
    status: 401,
    when: 'the token of the node is needed and not there (--rest-auth)',
    concerns: ({ access }) => access !== 'open',
  },
  otherOrigin: {
    status: 403,
    when: 'it comes from a page whose origin is not on the list (--rest-allow-origin)',
    concerns: () => true,
  },
  absent: {
    status: 404,
    when: 'this node does not have the subject of these routes, or is only starting',
    concerns: ({ off }) => off !== '',
  },
  tooLarge: {
    status: 413,
    when: 'the body is above the limit (--rest-max-body)',
    concerns: (_, { method }) => method !== 'GET',
  },
  badMediaType: {
    status: 415,
    when: 'the Content-Type of the body has not the form of a media type',
    concerns: (_, { method }) => method !== 'GET',
  },
} as const satisfies Readonly<Record<string, Refusal>>

export type RefusalName = keyof typeof refusals

/** The refusals that `route` of `group` may be answered with. */
export function refusalsOf(group: Group, route: Route<NodeView>): readonly RefusalName[] {
  return (Object.keys(refusals) as RefusalName[]).filter((name) => refusals[name].concerns(group, route))
}
