import { ANONYMIZERS, type Anonymizer } from '../base/network-facts.ts'
import { anonymizerOf, LIST_FORMATS } from '../lists/formats/registry.ts'
import { leastRefreshSeconds } from '../lists/list-config.ts'
import { keysAt, numberAt, textAt, valueAt } from './draft.ts'
import type { Finding } from './problem.ts'

/** What no setting of a list can say alone. Works on data that may not have passed the schema. */
export function* checkLists(data: unknown): Generator<Finding> {
  for (const name of keysAt(data, ['lists'])) {
    const at = ['lists', name]
    const has = (setting: string): boolean => valueAt(data, [...at, setting]) !== undefined
    if (has('file') && has('url')) {
      yield { path: [...at, 'url'], message: 'is a second source beside file: choose one' }
    }
    if (has('headers') && !has('url')) {
      yield { path: [...at, 'headers'], message: 'are sent to a url, and the list has none' }
    }
    if (!has('file') && !has('url')) {
      for (const setting of keysAt(data, at)) {
        if (setting === 'anonymizer' || setting === 'headers') continue
        yield {
          path: [...at, setting],
          message: 'says nothing of a list of entries by API alone: name a file or url',
        }
      }
    }
    const least = leastRefreshSeconds(textAt(data, [...at, 'format']) ?? 'netset')
    const seconds = numberAt(data, [...at, 'refreshSeconds'])
    if (has('url') && seconds !== undefined && seconds < least) {
      const message = `its publisher asks for at least ${least} seconds between two fetches`
      yield { path: [...at, 'refreshSeconds'], message }
    }
  }
}

/** Kinds of anonymizers that some data of the configuration tell. */
export function anonymizersTold(data: unknown): ReadonlySet<Anonymizer> {
  const told = new Set<string>()
  // no field of such a database is about relays
  if (textAt(data, ['geo', 'anonymous']) !== undefined) {
    for (const anonymizer of ANONYMIZERS) if (anonymizer !== 'relay') told.add(anonymizer)
  }
  for (const name of keysAt(data, ['lists'])) {
    const format = textAt(data, ['lists', name, 'format'])
    const known = LIST_FORMATS.find((one) => one === format)
    const kind = textAt(data, ['lists', name, 'anonymizer']) ?? (known && anonymizerOf(known))
    if (kind !== undefined) told.add(kind)
  }
  return told as ReadonlySet<Anonymizer>
}
