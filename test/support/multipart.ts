/** One part of a multipart body. */
export interface Part {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/**
 * Reads a multipart body strictly (RFC 2046 section 5.1.1), by the delimiter alone and apart from the
 * product's writer. Throws for anything that is not exactly delimiters, heads and bodies.
 */
export function parseMultipart(contentType: string, body: Buffer): Part[] {
  const boundary = /;\s*boundary=("?)([^"]{1,70})\1$/.exec(contentType)?.[2]
  if (boundary === undefined) throw new Error(`no boundary in ${contentType}`)
  // the first delimiter may lack its line break
  const rest = Buffer.concat([Buffer.from('\r\n'), body])
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  const parts: Part[] = []
  let at = rest.indexOf(delimiter)
  if (at !== 0 && at !== 2) throw new Error('the body does not begin with the delimiter')
  for (;;) {
    at += delimiter.length
    const mark = rest.toString('latin1', at, at + 2)
    if (mark === '--') {
      const after = rest.toString('latin1', at + 2)
      if (after !== '' && after !== '\r\n') throw new Error('bytes follow the last delimiter')
      return parts
    }
    if (mark !== '\r\n') throw new Error('a delimiter without a line end')
    const headEnd = rest.indexOf('\r\n\r\n', at)
    const next = rest.indexOf(delimiter, headEnd + 4)
    if (headEnd < 0 || next < 0) throw new Error('a part without an end')
    parts.push({
      headers: fieldsOf(rest.toString('latin1', at + 2, headEnd)),
      body: rest.subarray(headEnd + 4, next),
    })
    at = next
  }
}

function fieldsOf(head: string): Record<string, string> {
  return Object.fromEntries(
    head.split('\r\n').map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
}
