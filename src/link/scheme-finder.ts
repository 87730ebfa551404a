import type { RequestContext } from '../request/request-context.ts'
import { headerValue } from '../request/request-headers.ts'
import type { Scheme } from './scheme.ts'

/** Up to this many schemes are all asked: looking for names first would cost more. */
const FEW = 2

/**
 * Which schemes of a route are worth asking for a link, by the names that a request carries: one pass
 * over the query, whatever the number of schemes.
 */
export class SchemeFinder {
  readonly #schemes: readonly Scheme[]
  readonly #always: readonly Scheme[]
  readonly #byParameter: ReadonlyMap<string, readonly Scheme[]>
  readonly #byCookie: ReadonlyMap<string, readonly Scheme[]>
  readonly #byHeader: ReadonlyMap<string, readonly Scheme[]>
  readonly #byPath: readonly { readonly text: string; readonly scheme: Scheme }[]

  constructor(schemes: readonly Scheme[]) {
    this.#schemes = schemes
    this.#always = schemes.filter(({ triggers }) => triggers.some(({ place }) => place === 'shape'))
    this.#byParameter = namesOf(schemes, 'query')
    this.#byCookie = namesOf(schemes, 'cookie')
    this.#byHeader = namesOf(schemes, 'header')
    this.#byPath = schemes.flatMap((scheme) =>
      scheme.triggers.flatMap((trigger) =>
        trigger.place === 'path' ? [{ text: trigger.text, scheme }] : [],
      ),
    )
  }

  candidates({ target, headers }: RequestContext): readonly Scheme[] {
    if (this.#schemes.length <= FEW) return this.#schemes
    const candidates = [...this.#always]
    const { rawPath, rawQuery } = target
    for (const { text, scheme } of this.#byPath) {
      if (rawPath.includes(text)) add(candidates, [scheme])
    }
    if (rawQuery !== undefined) {
      for (let start = 0; start <= rawQuery.length;) {
        const ampersand = rawQuery.indexOf('&', start)
        const end = ampersand < 0 ? rawQuery.length : ampersand
        const equals = rawQuery.indexOf('=', start)
        const name = rawQuery.slice(start, equals < 0 || equals > end ? end : equals)
        add(candidates, this.#byParameter.get(name))
        start = end + 1
      }
    }
    if (headers.cookie !== undefined) {
      for (const [name, schemes] of this.#byCookie) {
        if (headers.cookie.includes(name)) add(candidates, schemes)
      }
    }
    for (const [name, schemes] of this.#byHeader) {
      if (headerValue(headers, name) !== undefined) add(candidates, schemes)
    }
    return candidates
  }
}

function add(candidates: Scheme[], schemes: readonly Scheme[] | undefined): void {
  if (!schemes) return
  for (const scheme of schemes) if (!candidates.includes(scheme)) candidates.push(scheme)
}

function namesOf(
  schemes: readonly Scheme[],
  place: 'query' | 'cookie' | 'header',
): ReadonlyMap<string, readonly Scheme[]> {
  const byName = new Map<string, Scheme[]>()
  for (const scheme of schemes) {
    for (const trigger of scheme.triggers) {
      if (trigger.place !== place) continue
      byName.set(trigger.name, [...(byName.get(trigger.name) ?? []), scheme])
    }
  }
  return byName
}
