import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { itemsAt, textAt, valueAt } from './draft.ts'
import type { PolicyConfig } from './policy-schema.ts'
import type { Finding } from './problem.ts'

const X_ACCEL = 'x-accel:'

/** What policies that let others send the bytes need of the gateway. Works on data that may not have passed the schema. */
export function* checkOffload(
  data: unknown,
  policies: ReadonlyMap<string, PolicyConfig>,
): Generator<Finding> {
  const offloadOf = (name: string): string => policies.get(name)?.delivery.offload ?? 'none'
  /** The origin that lies behind each internal location. */
  const located = new Map<string, string>()
  for (const i of itemsAt(data, ['routes']).keys()) {
    const name = textAt(data, ['routes', i, 'policy']) ?? 'default'
    const origin = textAt(data, ['routes', i, 'origin']) ?? ''
    const offload = offloadOf(name)
    const why = offload.startsWith(X_ACCEL)
      ? (whyNoProxy(data) ??
        whyPublic(data, offload.slice(X_ACCEL.length)) ??
        whyOtherOrigin(located, offload.slice(X_ACCEL.length), origin))
      : offload === 'redirect'
        ? whyNoLinks(data, origin)
        : undefined
    if (why === undefined) continue
    yield {
      path: ['routes', i, 'policy'],
      message: `policy ${name} has delivery.offload ${offload}, and ${why}`,
    }
  }
  const assets = textAt(data, ['apis', 'policy']) ?? 'default'
  if (valueAt(data, ['apis']) === undefined || offloadOf(assets) === 'none') return
  yield {
    path: ['apis', ...(textAt(data, ['apis', 'policy']) === undefined ? [] : ['policy'])],
    message: `policy ${assets} has delivery.offload ${offloadOf(assets)}, and assets are only sent by the gateway`,
  }
}

/**
 * What makes sure that the gateway knows its proxy. Places and uses are held for those who report alone, so
 * without reports it does not matter who asks.
 */
function whyNoProxy(data: unknown): string | undefined {
  const trusted = itemsAt(data, ['server', 'trustedProxies'])
  if (trusted.length === 0 && valueAt(data, ['offload', 'log']) !== undefined) {
    return 'server.trustedProxies names no proxy that could send'
  }
  const trustsAll = trusted.some(
    (entry) => typeof entry === 'string' && parseConfiguredNetwork(entry)?.prefix === 0,
  )
  if (trustsAll) return 'server.trustedProxies holds every client, so any would see internal paths'
  return valueAt(data, ['server', 'proxyProtocol']) === true
    ? 'with server.proxyProtocol nobody can tell the proxy from its clients'
    : undefined
}

/** What nginx keeps for itself it does not pass on. */
function whyPublic(data: unknown, prefix: string): string | undefined {
  const paths = itemsAt(data, ['routes']).map((_, i) => textAt(data, ['routes', i, 'path']))
  const hidden = paths.find((path) => path?.startsWith(prefix))
  return hidden === undefined ? undefined : `nginx would hide the route ${hidden} behind ${prefix}`
}

/** The path in nginx holds the object's name alone, so it can stand for one origin only. */
function whyOtherOrigin(
  located: Map<string, string>,
  prefix: string,
  origin: string,
): string | undefined {
  const first = located.get(prefix) ?? origin
  located.set(prefix, first)
  return first === origin ? undefined : `${prefix} stands for origin ${first} already`
}

function whyNoLinks(data: unknown, origin: string): string | undefined {
  const type = textAt(data, ['origins', origin, 'type'])
  if (type === undefined || type === 's3') return undefined
  if (type === 'http' && valueAt(data, ['origins', origin, 'presign']) !== undefined) {
    return undefined
  }
  const remedy = type === 'http' ? 'set presign there' : `one of type ${type} never can`
  return `origin ${origin} makes no links: ${remedy}`
}
