import type { LoggedRequest } from './logged-request.ts'
import { MinHeap } from './min-heap.ts'

type Requests = AsyncIterable<LoggedRequest>

/** Requests that are held at a time to be put in order: a smaller log is sorted as a whole. */
export const ORDER_WINDOW = 100_000

/**
 * Several logs as one, each as it was written: in the order in which requests ended. Logs of one gateway
 * that were rotated come one after the other, those of several gateways side by side.
 */
export async function* mergeByEnd(logs: readonly Requests[]): AsyncGenerator<LoggedRequest> {
  const heads = new MinHeap<{
    readonly request: LoggedRequest
    readonly rest: AsyncIterator<LoggedRequest>
  }>()
  const advance = async (rest: AsyncIterator<LoggedRequest>): Promise<void> => {
    const next = await rest.next()
    if (next.done !== true) heads.push(next.value.end, { request: next.value, rest })
  }
  for (const log of logs) await advance(log[Symbol.asyncIterator]())
  for (let head = heads.pop(); head; head = heads.pop()) {
    yield head.request
    await advance(head.rest)
  }
}

/**
 * Puts requests in the order in which they began, holding at most `window` of them. One that comes out
 * late, because more requests than that ended while it ran, is yielded as late as it comes.
 */
export async function* inOrderOfStart(
  requests: Requests,
  window = ORDER_WINDOW,
): AsyncGenerator<LoggedRequest> {
  const held = new MinHeap<LoggedRequest>()
  for await (const request of requests) {
    held.push(request.start, request)
    if (held.size > window) yield* take(held)
  }
  while (held.size > 0) yield* take(held)
}

function* take(held: MinHeap<LoggedRequest>): Generator<LoggedRequest> {
  const first = held.pop()
  if (first) yield first
}
