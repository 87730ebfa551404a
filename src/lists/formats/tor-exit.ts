import { isIP } from 'node:net'
import { eachLine, type Line } from '../lines.ts'
import type { ListDraft } from '../list-draft.ts'
import type { ListFormat } from './list-format.ts'
import { withoutComment } from './netset.ts'

const TIME = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`
const EXIT_NODE = /^ExitNode [0-9A-F]{40}$/
const EXIT_ADDRESS = new RegExp(`^ExitAddress (\\S+) ${TIME}$`)
const ASIDE = new RegExp(
  `^(?:(?:Published|LastStatus|Downloaded) ${TIME}|@type tordnsel 1\\.\\d+)$`,
)

/** Longer than any line of such a list. */
const LONGEST_LINE = 128

const ADDRESS = /^[0-9A-Fa-f.:]+$/

/** Tor's exit list: an address a line, or the `ExitAddress` lines of its exit-addresses document. */
export const torExit: ListFormat<'tor-exit'> = {
  name: 'tor-exit',
  anonymizer: 'tor',
  parse: parseTorExit,
}

function parseTorExit(draft: ListDraft): void {
  let withoutAddress: Line | undefined
  eachLine(draft.bytes, (line) => {
    const span = withoutComment(draft.bytes, line)
    if (span.end === span.start) return
    const text = draft.textOf(span, LONGEST_LINE)
    const exit = EXIT_ADDRESS.exec(text)?.[1]
    if (exit !== undefined || ADDRESS.test(text)) {
      addAddress(draft, exit ?? text, line)
      withoutAddress = undefined
    } else if (EXIT_NODE.test(text)) {
      if (withoutAddress) draft.refuse(withoutAddress, 'this exit node has no address')
      withoutAddress = line
    } else if (!ASIDE.test(text)) {
      draft.refuse(line, 'expected an address or a line of an exit list')
    }
  })
  if (withoutAddress) draft.refuse(withoutAddress, 'this exit node has no address')
}

function addAddress(draft: ListDraft, text: string, line: Line): void {
  if (isIP(text) === 0) draft.refuse(line, 'expected an address')
  else draft.add(text, line)
}
