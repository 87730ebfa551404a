import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Sends parts one by one, each in a segment of its own, from a loopback address, and returns everything
 * that comes back until the peer closes or resets.
 */
export async function connectAndSend(
  { host, port }: { readonly host: string; readonly port: number },
  parts: readonly Buffer[],
  localAddress: string,
): Promise<string> {
  const chunks: Buffer[] = []
  const socket = connect({ host, port, localAddress, noDelay: true })
  const closed = new Promise<void>((resolve, reject) => {
    socket.setTimeout(15_000, () => {
      reject(new Error('no answer in 15 s'))
      socket.destroy()
    })
    socket.once('close', () => {
      resolve()
    })
  })
  socket.on('data', (chunk) => chunks.push(chunk))
  // a reset ends the answer like a close does
  socket.on('error', () => {})
  for (const part of parts) {
    await new Promise((resolve) => socket.write(part, resolve))
    // the other end runs in this process: let it see the part alone
    await nextTurn()
  }
  await closed
  return Buffer.concat(chunks).toString('latin1')
}
