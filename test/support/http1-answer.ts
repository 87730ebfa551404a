import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Answer, Asked } from './http-client.ts'

/** Sends a request of HTTP/1.1 and waits for the head of its answer; `reset` cuts the connection below. */
export async function http1Answer(
  sent: ClientRequest,
  asked: Asked,
  reset: () => void,
): Promise<Answer> {
  sent.setTimeout(asked.patienceMs, () => sent.destroy(silent(asked)))
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve)
    sent.once('error', reject)
    sent.end()
  })
  // a cut shows in `isComplete`
  sent.on('error', () => {})
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: response,
    isComplete: () => response.complete,
    kill(how) {
      if (how === 'reset') reset()
      else sent.destroy()
    },
  }
}

export function silent({ patienceMs }: Asked): Error {
  return new Error(`the gateway was silent for ${patienceMs} ms`)
}
