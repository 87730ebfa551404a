import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { headerValue } from '../../request/request-headers.ts'
import { type Fields, isRefusal, parametersOf, readFields } from '../link-fields.ts'
import { decodeValue, type RawParameter } from '../raw-query.ts'

const DELEGATION_FIELDS = ['skoid', 'sktid', 'skt', 'ske', 'sks', 'skv'] as const
const DELEGATION_OPTIONS = ['saoid', 'suoid', 'scid', 'skdutid', 'sduoid', 'srh', 'srq'] as const
const OVERRIDES = ['rscc', 'rscd', 'rsce', 'rscl', 'rsct'] as const

const COMMON_FIELDS = ['sv', 'sp', 'st', 'se', 'sip', 'spr', 'ses', 'sig'] as const
const SERVICE_FIELDS = ['sr', 'si', 'sdd', 'snapshot', 'versionid'] as const
const ACCOUNT_FIELDS = ['ss', 'srt'] as const

const FIELDS = [
  ...COMMON_FIELDS,
  ...SERVICE_FIELDS,
  ...ACCOUNT_FIELDS,
  ...DELEGATION_FIELDS,
  ...DELEGATION_OPTIONS,
  ...OVERRIDES,
] as const

export type SasFields = Fields<(typeof FIELDS)[number]>

/** Which key signs: the account's for an account or service SAS, a user's delegated one for the third. */
export type SasKind = 'account' | 'service' | 'delegation'

/** The first version whose service SAS has this form, and the newest whose layout is known. */
const OLDEST = '2015-04-05'
const NEWEST = '2026-04-06'

/** The parameters of a SAS, percent-decoded once; what could shift the lines of the signed text is refused. */
export function readSasFields(rawQuery: string | undefined): SasFields | Refusal {
  const raw = readFields(parametersOf(rawQuery), FIELDS)
  if (isRefusal(raw)) return raw
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(raw)) {
    const decoded = decodeValue(value)
    if (decoded === undefined || hasControl(decoded)) {
      return refuse('link_malformed', `the parameter ${name} is no text of one line`)
    }
    // an empty parameter signs like an absent one
    if (decoded !== '') fields[name] = decoded
  }
  return fields
}

/** The kind of a SAS, or why its version or its mix of parameters is none. */
export function sasKind(fields: SasFields): SasKind | Refusal {
  const { sv = '', ss, srt, sr, skoid } = fields
  if (!/^\d{4}-\d{2}-\d{2}$/.test(sv) || sv < OLDEST || sv > NEWEST) {
    return refuse('link_malformed', `sv is no version from ${OLDEST} to ${NEWEST}`)
  }
  if (ss !== undefined || srt !== undefined) {
    return sr === undefined && skoid === undefined && fields.si === undefined
      ? 'account'
      : refuse('link_malformed', 'parameters of an account SAS and of a service SAS')
  }
  if (sr === undefined) return refuse('link_malformed', 'neither sr nor ss and srt is there')
  const delegated = DELEGATION_FIELDS.filter((name) => fields[name] !== undefined)
  if (delegated.length === 0) return 'service'
  if (delegated.length < DELEGATION_FIELDS.length || fields.si !== undefined || sv < '2018-11-09') {
    return refuse('link_malformed', 'the parameters of a user delegation SAS are not complete')
  }
  return 'delegation'
}

/** The text that a SAS signs: one line a value, empty where there is none. */
export function sasText(
  kind: SasKind,
  fields: SasFields,
  computed: Readonly<Record<'account' | 'resource' | 'requestHeaders' | 'requestQuery', string>>,
): string {
  const { sv = '', sr, snapshot, versionid } = fields
  const snapshotTime = sr === 'bs' ? snapshot : sr === 'bv' ? versionid : undefined
  const values: Readonly<Record<string, string | undefined>> = {
    ...fields,
    ...computed,
    snapshotTime,
  }
  return LINES[kind](sv)
    .map((name) => values[name] ?? '')
    .join('\n')
}

const LINES: Readonly<Record<SasKind, (sv: string) => readonly string[]>> = {
  account: (sv) => [
    ...since(sv, OLDEST, 'account', 'sp', 'ss', 'srt', 'st', 'se', 'sip', 'spr', 'sv'),
    ...since(sv, '2020-12-06', 'ses'),
    // the text ends with a line feed
    '',
  ],
  service: (sv) => [
    ...since(sv, OLDEST, 'sp', 'st', 'se', 'resource', 'si', 'sip', 'spr', 'sv'),
    ...since(sv, '2018-11-09', 'sr', 'snapshotTime'),
    ...since(sv, '2020-12-06', 'ses'),
    ...OVERRIDES,
  ],
  delegation: (sv) => [
    ...since(sv, '2018-11-09', 'sp', 'st', 'se', 'resource', ...DELEGATION_FIELDS),
    ...since(sv, '2020-02-10', 'saoid', 'suoid', 'scid'),
    ...since(sv, '2025-07-05', 'skdutid', 'sduoid'),
    ...since(sv, '2018-11-09', 'sip', 'spr', 'sv', 'sr', 'snapshotTime'),
    ...since(sv, '2020-12-06', 'ses'),
    ...since(sv, '2026-04-06', 'requestHeaders', 'requestQuery'),
    ...OVERRIDES,
  ],
}

function since(sv: string, version: string, ...names: readonly string[]): readonly string[] {
  return sv >= version ? names : []
}

/** As many headers or parameters as one SAS may bind. */
const MAX_BOUND = 16

/** The values of the request's headers that `srh` names, as they are signed. */
export function boundHeaders({ srh }: SasFields, { headers }: RequestContext): string | Refusal {
  return bound(
    srh,
    'srh',
    (name) => headerValue(headers, name.toLowerCase()),
    (pair) => `${pair}\n`,
  )
}

/** The values of the request's parameters that `srq` names, as they are signed. */
export function boundQuery({ srq }: SasFields, { target }: RequestContext): string | Refusal {
  const parameters = parametersOf(target.rawQuery)
  return bound(
    srq,
    'srq',
    (name) => onlyValue(parameters, name),
    (pair) => `\n${pair}`,
  )
}

function bound(
  list: string | undefined,
  field: string,
  valueOf: (name: string) => string | undefined,
  line: (pair: string) => string,
): string | Refusal {
  if (list === undefined) return ''
  const names = list.split(',')
  if (names.length > MAX_BOUND) return refuse('link_malformed', `${field} names too many`)
  let text = ''
  for (const name of names) {
    const value = valueOf(name)
    if (value === undefined || hasControl(value)) {
      return refuse('link_resource_mismatch', `the request lacks what ${field} names`)
    }
    text += line(`${name}:${value}`)
  }
  return text
}

function onlyValue(parameters: readonly RawParameter[], name: string): string | undefined {
  const values = parameters.filter((parameter) => decodeValue(parameter.name) === name)
  return values.length === 1 ? decodeValue(values[0]?.value ?? '') : undefined
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text)
}
