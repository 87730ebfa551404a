import type { Duplex } from 'node:stream'

/** A socket as node keeps it. The handle is no public name: nothing is taken for granted of it. */
interface WithHandle {
  readonly _handle?: { readonly fd?: unknown; readonly constructor: { readonly name: string } }
  readonly encrypted?: boolean
}

/** The file descriptor of an open, plain TCP socket; undefined for all others. */
export function descriptorOf(socket: Duplex): number | undefined {
  const { _handle: handle, encrypted } = socket as unknown as WithHandle
  if (encrypted || socket.destroyed || handle?.constructor.name !== 'TCP') return undefined
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}
