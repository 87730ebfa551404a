import { NATIVE_SCHEMES, schemeDefinition, SCHEMES } from '../link/schemes/registry.ts'

/** The link formats of this version. */
export const SCHEME_NAMES = SCHEMES.map(({ name }) => name) as [string, ...string[]]

/** What keys are made for at first start: our own links, and the tags in delivered files. */
export const OWN_SCHEME_NAMES: readonly string[] = [...NATIVE_SCHEMES, 'sluice-tag']

/** What keys may be for: link formats, and tags, which are no format of links. */
export const KEY_SCHEME_NAMES: [string, ...string[]] = [...SCHEME_NAMES, 'sluice-tag']

/** The `alg` of keys for a purpose; keys are made for the first. */
export function algorithmsOf(purpose: string): readonly string[] {
  return schemeDefinition(purpose)?.algorithms ?? ['HS256']
}
