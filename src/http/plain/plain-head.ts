/** A request as it was read: everything that `ClientRequest` needs but the socket. */
export interface PlainHead {
  readonly method: 'GET' | 'HEAD'
  readonly url: string
  readonly rawHeaders: readonly string[]
  /** The client asks for the end of the connection behind the answer. */
  readonly isLast: boolean
  /** Where the next request begins. */
  readonly end: number
}

/** Bytes of a head at most. */
export const MAX_PLAIN_HEAD = 8 * 1024

/**
 * What nobody can read in two ways (RFC 9112 sections 2.2, 3 and 5): GET or HEAD, a target that begins
 * with a slash, printable ASCII in the fields, CRLF, no blank in front of a colon, no folded line.
 */
const PLAIN =
  /^(GET|HEAD) (\/[\w!$%&'()*+,\-./:;=?@[\]~]*) HTTP\/1\.1\r\n((?:[\w!#$%&'*+\-.^`|~]+: ?[!-~](?:[ -~]*[!-~])?\r\n)+)\r\n/

/** Fields that say how the message is framed, or that the client waits for more than an answer. */
const NOT_PLAIN: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'expect',
  'upgrade',
  'proxy-connection',
])

/**
 * Reads the request that a text begins with. Undefined for everything that is not as plain as can be,
 * complete and small: a head cut short, a body, an upgrade, another method, a strange byte. Nothing is
 * refused here: a full parser is asked about the rest.
 */
export function readPlainHead(text: string): PlainHead | undefined {
  const match = PLAIN.exec(text)
  if (!match) return undefined
  const [head, method, url = '', fields = ''] = match
  const rawHeaders: string[] = []
  let connection: string | undefined
  for (let at = 0; at < fields.length;) {
    const colon = fields.indexOf(':', at)
    const lineEnd = fields.indexOf('\r\n', colon)
    const name = fields.slice(at, colon)
    const value = fields.slice(fields[colon + 1] === ' ' ? colon + 2 : colon + 1, lineEnd)
    const lowerCase = name.toLowerCase()
    if (NOT_PLAIN.has(lowerCase)) return undefined
    if (lowerCase === 'connection') {
      if (connection !== undefined) return undefined
      connection = value.toLowerCase()
      if (connection !== 'close' && connection !== 'keep-alive') return undefined
    }
    rawHeaders.push(name, value)
    at = lineEnd + 2
  }
  return {
    method: method as 'GET' | 'HEAD',
    url,
    rawHeaders,
    isLast: connection === 'close',
    end: head.length,
  }
}
