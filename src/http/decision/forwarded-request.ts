/** How a proxy tells of the request that it asks about. */
export type Dialect = 'nginx' | 'forwarded' | 'envoy'

/** The request that a proxy asks about, before any of it is believed. */
export interface ForwardedRequest {
  readonly outcome: 'told'
  readonly dialect: Dialect
  readonly method: string
  /** Path and query as the client sent them. */
  readonly uri: string
  /** What Envoy says of the client; it names itself in X-Forwarded-For. */
  readonly envoyClient: string | undefined
  /** X-Real-IP, which some set instead of X-Forwarded-For. */
  readonly realIp: string | undefined
  /** The client's own fields: names and values in turn. */
  readonly rawHeaders: readonly string[]
}

export type Forwarded =
  | ForwardedRequest
  | { readonly outcome: 'refused'; readonly dialect: Dialect; readonly why: string }

/** Where proxies ask. Envoy writes the path that it asks about behind it. */
export const DECISION_PATH = '/v1/decision'

/** Fields that a proxy writes for this endpoint. They are not the client's, and say nothing of its link. */
const CONTROL = new Set([
  'x-original-uri',
  'x-original-method',
  'x-forwarded-uri',
  'x-forwarded-method',
  'x-envoy-external-address',
  'x-real-ip',
  'x-sluice-token',
])

/**
 * Reads which request a proxy asks about; a method that it does not tell is GET. A proxy that writes one family
 * of fields passes on what the client wrote into the other: two that differ are refused, and so is a field that
 * came twice.
 */
export function readForwarded(
  method: string,
  url: string,
  rawHeaders: readonly string[],
  { isCallersAuthorization }: { readonly isCallersAuthorization: boolean },
): Forwarded {
  const { control, repeated, own } = sortFields(rawHeaders, isCallersAuthorization)
  const original = [control.get('x-original-method'), control.get('x-original-uri')] as const
  const forwarded = [control.get('x-forwarded-method'), control.get('x-forwarded-uri')] as const
  const behind = url.charAt(DECISION_PATH.length) === '/' ? url.slice(DECISION_PATH.length) : ''
  const [dialect, told, others] =
    behind !== ''
      ? (['envoy', [method, behind], [original, forwarded]] as const)
      : forwarded[1] === undefined
        ? (['nginx', original, [forwarded]] as const)
        : (['forwarded', forwarded, [original]] as const)
  const refused = (why: string): Forwarded => ({ outcome: 'refused', dialect, why })
  if (repeated !== undefined) return refused(`the field ${repeated} came twice`)
  const [toldMethod = 'GET', uri] = told
  if (uri === undefined) return refused('nothing says what the original request asks for')
  const agrees = others.every(([otherMethod, otherUri]) => {
    return (otherMethod ?? toldMethod) === toldMethod && (otherUri ?? uri) === uri
  })
  if (!agrees) return refused('X-Original-*, X-Forwarded-* and the path disagree')
  return {
    outcome: 'told',
    dialect,
    method: toldMethod,
    uri,
    envoyClient: control.get('x-envoy-external-address'),
    realIp: control.get('x-real-ip'),
    rawHeaders: own,
  }
}

function sortFields(
  rawHeaders: readonly string[],
  isCallersAuthorization: boolean,
): {
  readonly control: ReadonlyMap<string, string>
  readonly repeated: string | undefined
  readonly own: readonly string[]
} {
  const control = new Map<string, string>()
  const own: string[] = []
  let repeated: string | undefined
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [sent = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]]
    const name = sent.toLowerCase()
    if (CONTROL.has(name)) {
      if (control.has(name)) repeated ??= name
      control.set(name, value)
    } else if (!isCallersAuthorization || name !== 'authorization') own.push(sent, value)
  }
  return { control, repeated, own }
}
