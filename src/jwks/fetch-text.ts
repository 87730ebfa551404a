import { fetchFault } from '../base/fetch-fault.ts'
import { readAtMost } from '../base/read-at-most.ts'

const TIMEOUT_MS = 10_000
const MAX_BYTES = 1024 * 1024

/** The text at a URL, or why there is none. Redirects are not followed: the URL is the one that is trusted. */
export async function fetchText(
  url: string,
  signal: AbortSignal,
): Promise<{ readonly text: string } | { readonly why: string }> {
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { accept: 'application/jwk-set+json, application/json' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    if (response.status !== 200 || !response.body) {
      await response.body?.cancel()
      return { why: `it answers ${response.status}` }
    }
    const body = await readAtMost(response.body as AsyncIterable<Uint8Array>, MAX_BYTES)
    return body ? { text: body.toString() } : { why: `it answers more than ${MAX_BYTES} bytes` }
  } catch (error) {
    return { why: fetchFault(error, TIMEOUT_MS) }
  }
}
