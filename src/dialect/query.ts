import { decodeValue, rawParameters } from '../link/raw-query.ts'

/**
 * The parameters of a query, names and values decoded once. Undefined when one comes twice, when an
 * escape is broken, or when a byte stands there that no URL holds: readers differ on what those mean.
 */
export function readQuery(rawQuery: string | undefined): Map<string, string> | undefined {
  const query = new Map<string, string>()
  if (rawQuery === undefined) return query
  if (!/^[\x21-\x7e]*$/.test(rawQuery)) return undefined
  for (const parameter of rawParameters(rawQuery)) {
    const name = decodeValue(parameter.name)
    const value = decodeValue(parameter.value)
    if (name === undefined || value === undefined || query.has(name)) return undefined
    query.set(name, value)
  }
  return query
}

/** The first name that an endpoint does not know and the policy does not ignore. */
export function unknownParameter(
  query: ReadonlyMap<string, string>,
  known: readonly string[],
  isIgnored: (name: string) => boolean,
): string | undefined {
  return [...query.keys()].find((name) => !known.includes(name) && !isIgnored(name))
}
