import { messageOf } from '../base/failure.ts'
import { fetchFault } from '../base/fetch-fault.ts'
import { readAtMost } from '../base/read-at-most.ts'
import type { ListCopy, Validators } from './list-copy.ts'
import type { ListReading, ListSource, RestoredContent } from './list-source.ts'

const TIMEOUT_MS = 120_000
const MAX_REDIRECTS = 3
const REDIRECTS = new Set([301, 302, 303, 307, 308])

export interface UrlSourceOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly maxBytes: number
  /** Publishers of some formats ask for so many seconds between two fetches. */
  readonly leastSeconds: number
  readonly copy: ListCopy
  readonly warn: (message: string) => void
}

/** A list that somebody publishes. What was accepted last also lies on disk, for a start without network. */
export class UrlSource implements ListSource {
  readonly #options: UrlSourceOptions
  readonly #ending = new AbortController()
  #validators: Validators | undefined
  #refreshedAt: number | undefined

  constructor(options: UrlSourceOptions) {
    this.#options = options
  }

  async read(now: number): Promise<ListReading> {
    const { copy, leastSeconds, maxBytes } = this.#options
    const last = this.#refreshedAt
    if (last !== undefined && last <= now && now < last + leastSeconds * 1000) {
      return { outcome: 'unchanged', at: last }
    }
    try {
      const response = await this.#fetch()
      if (response.status === 304 && this.#validators) {
        await response.body?.cancel()
        // without the copy the next start would have nothing, so the next fetch asks for all of it
        if (!(await copy.touch(now))) this.#validators = undefined
        this.#refreshedAt = now
        return { outcome: 'unchanged', at: now }
      }
      if (response.status !== 200 || !response.body) {
        await response.body?.cancel()
        return { outcome: 'failed', why: `it answers ${response.status}` }
      }
      const bytes = await readAtMost(response.body as AsyncIterable<Uint8Array>, maxBytes)
      if (!bytes) return { outcome: 'failed', why: `it answers more than ${maxBytes} bytes` }
      const validators = {
        etag: response.headers.get('etag'),
        lastModified: response.headers.get('last-modified'),
      }
      const accepted = (at: number): Promise<void> => this.#accept(bytes, validators, at)
      return { outcome: 'read', content: { bytes, accepted } }
    } catch (error) {
      return { outcome: 'failed', why: fetchFault(error, TIMEOUT_MS) }
    }
  }

  async restore(): Promise<RestoredContent | undefined> {
    const kept = await this.#options.copy.read()
    if (!kept) return undefined
    const accepted = async (): Promise<void> => {
      this.#validators = kept.validators
      this.#refreshedAt = kept.refreshedAt
    }
    return { bytes: kept.bytes, refreshedAt: kept.refreshedAt, accepted }
  }

  close(): void {
    this.#ending.abort()
  }

  async #accept(bytes: Uint8Array, validators: Validators, now: number): Promise<void> {
    const { copy, warn } = this.#options
    this.#refreshedAt = now
    try {
      await copy.write(bytes, validators, now)
      this.#validators = validators
    } catch (error) {
      this.#validators = undefined
      warn(`the copy of a list cannot be kept: ${messageOf(error)}`)
    }
  }

  async #fetch(): Promise<Response> {
    const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(TIMEOUT_MS)])
    let url = new URL(this.#options.url)
    let headers = { ...this.#options.headers, ...conditions(this.#validators) }
    for (let redirects = 0; ; redirects++) {
      const response = await fetch(url, { redirect: 'manual', headers, signal })
      const location = response.headers.get('location')
      if (!REDIRECTS.has(response.status) || location === null) return response
      await response.body?.cancel()
      if (redirects === MAX_REDIRECTS) throw new Error(`more than ${MAX_REDIRECTS} redirects`)
      const next = redirectTarget(url, location)
      // keys of one site are not for another
      if (next.origin !== url.origin) headers = conditions(this.#validators)
      url = next
    }
  }
}

function redirectTarget(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw new Error('it redirects to no URL')
  const to = new URL(location, from)
  const isAllowed =
    to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:')
  if (!isAllowed || to.username || to.password) {
    throw new Error(`it redirects from ${from.protocol} to ${to.protocol}`)
  }
  return to
}

/** RFC 9110 section 13.1: the answer is 304 when nothing changed. */
function conditions(validators: Validators | undefined): Record<string, string> {
  const { etag, lastModified } = validators ?? {}
  if (etag) return { 'if-none-match': etag }
  return lastModified ? { 'if-modified-since': lastModified } : {}
}
