/** How much a media range says about a media type: the more exact range decides (RFC 9110 section 12.5.1). */
function exactness(range: string, type: string): number {
  if (range === type) return 3
  if (range === `${type.slice(0, type.indexOf('/'))}/*`) return 2
  return range === '*/*' ? 1 : 0
}

/** The weight of a media type in an Accept field; 0 where it is not wanted. */
function weightOf(accept: string, type: string): number {
  let best = 0
  let weight = 0
  for (const entry of accept.split(',')) {
    const [range = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase())
    const exact = exactness(range, type)
    if (exact <= best) continue
    best = exact
    weight = weightIn(parameters)
  }
  return weight
}

function weightIn(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith('q='))
  if (given === undefined) return 1
  return /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(given) ? Number(given.slice(2)) : 0
}

/** Whether an Accept field weighs XML higher than JSON, which is the answer to all who do not mind. */
export function prefersXml(accept: string | undefined): boolean {
  return (
    accept !== undefined &&
    weightOf(accept, 'application/xml') > weightOf(accept, 'application/json')
  )
}
