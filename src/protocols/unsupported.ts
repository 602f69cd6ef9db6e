/** How one finds out that a peer speaks only another version of a protocol: by asking for this one. */

/** True for js-libp2p's error of a peer that speaks none of the protocols proposed. */
export function isUnsupported(error: unknown): boolean {
  return error instanceof Error && error.name === 'UnsupportedProtocolError'
}
