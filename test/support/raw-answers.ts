/** One answer in a stream of them. */
export interface RawAnswerText {
  readonly status: number
  /** Names in lower case; the last of several wins. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Cuts what came over a connection into its answers, by their Content-Length. Throws for bytes that
 * belong to none. Answers to HEAD cannot be told from others and are not for this.
 */
export function parseAnswers(text: string): RawAnswerText[] {
  const answers: RawAnswerText[] = []
  let rest = text
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n')
    const [first = '', ...lines] = rest.slice(0, Math.max(end, 0)).split('\r\n')
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]
    if (status === undefined) throw new Error(`no answer begins with ${JSON.stringify(rest)}`)
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    const length = Number(headers['content-length'] ?? 0)
    const body = rest.slice(end + 4, end + 4 + length)
    if (body.length !== length) throw new Error(`${body.length} bytes of ${length}`)
    answers.push({ status: Number(status), headers, body })
    rest = rest.slice(end + 4 + length)
  }
  return answers
}

/** The statuses of all answers that came over a connection. */
export function statusesIn(text: string): number[] {
  return parseAnswers(text).map(({ status }) => status)
}
