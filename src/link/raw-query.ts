/** One `name=value` of a query as it was sent: nothing decoded. */
export interface RawParameter {
  readonly name: string
  readonly value: string
}

/** Cuts a raw query at `&`. A parameter without `=` has an empty value; empty ones are kept. */
export function rawParameters(query: string): RawParameter[] {
  if (query === '') return []
  return query.split('&').map((pair) => {
    const equals = pair.indexOf('=')
    return equals < 0
      ? { name: pair, value: '' }
      : { name: pair.slice(0, equals), value: pair.slice(equals + 1) }
  })
}

/** Where a parameter of this exact name begins, from `from` on, or -1. */
export function parameterIndex(query: string, name: string, from = 0): number {
  const needle = `${name}=`
  for (let at = query.indexOf(needle, from); at >= 0; at = query.indexOf(needle, at + 1)) {
    if (at === 0 || query.charCodeAt(at - 1) === 0x26) return at
  }
  return -1
}

/** The values of a parameter, in order. Cheap where its name stands once in the query, as it does in links. */
export function parameterValues(query: string, name: string): string[] {
  const at = parameterIndex(query, name)
  if (at < 0) return []
  if (query.indexOf(name) === at && !query.includes(name, at + 1)) {
    const end = query.indexOf('&', at)
    return [query.slice(at + name.length + 1, end < 0 ? undefined : end)]
  }
  return rawParameters(query).flatMap((parameter) =>
    parameter.name === name ? [parameter.value] : [],
  )
}

/** Decodes a value once; `+` is a space, as form encoders write it. Undefined when it is broken. */
export function decodeValue(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw.includes('+') ? raw.replaceAll('+', '%20') : raw)
  } catch {
    return undefined
  }
}
