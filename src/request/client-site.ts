import type { Address } from '../base/address.ts'
import type { NetworkSet } from '../base/network-set.ts'
import { forwardedParameter } from './forwarded.ts'
import type { Site } from './request-context.ts'
import type { RequestHeaders } from './request-headers.ts'

export type ClientSite =
  | { readonly outcome: 'known'; readonly site: Site }
  | { readonly outcome: 'conflict'; readonly why: string }

const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/

/** Scheme and host of a URL. */
export function siteOf(url: string): Site {
  const { protocol, host } = new URL(url)
  return { scheme: protocol === 'https:' ? 'https' : 'http', host }
}

/**
 * What the client called: the configured public URL, unless a trusted proxy says otherwise in
 * X-Forwarded-Proto and X-Forwarded-Host, or in Forwarded. Its own host field is never believed: signed
 * links bind scheme and host. Fields that disagree are a `conflict`: a proxy that sets one of them passes
 * on what the client wrote into the other.
 */
export function clientSite(
  peer: Address | undefined,
  headers: RequestHeaders,
  trusted: NetworkSet,
  configured: Site,
): ClientSite {
  const { forwarded, forwardedProto, forwardedHost } = headers
  const anything = forwarded ?? forwardedProto ?? forwardedHost
  if (anything === undefined || !peer || !trusted.has(peer)) {
    return { outcome: 'known', site: configured }
  }
  const scheme = said(lastOf(forwardedProto), nearest(forwarded, 'proto'))
  const host = said(lastOf(forwardedHost), nearest(forwarded, 'host'))
  if (scheme === CONFLICT || host === CONFLICT) {
    return { outcome: 'conflict', why: 'X-Forwarded-Proto or -Host and Forwarded disagree' }
  }
  return { outcome: 'known', site: siteSaid(scheme, host, configured) }
}

const CONFLICT = Symbol('conflict')

function said(
  one: string | undefined,
  other: string | undefined,
): string | undefined | typeof CONFLICT {
  return one !== undefined && other !== undefined && one !== other ? CONFLICT : (one ?? other)
}

/** What was said, where it is a site; nothing of it counts where it is none. */
function siteSaid(scheme: string | undefined, host: string | undefined, configured: Site): Site {
  const protocol = scheme ?? configured.scheme
  const name = host ?? configured.host
  if ((protocol !== 'http' && protocol !== 'https') || !HOST.test(name)) return configured
  return { scheme: protocol, host: name.replace(protocol === 'https' ? /:443$/ : /:80$/, '') }
}

/** What the nearest proxy wrote. */
function lastOf(list: string | undefined): string | undefined {
  return list
    ?.slice(list.lastIndexOf(',') + 1)
    .trim()
    .toLowerCase()
}

function nearest(field: string | undefined, parameter: 'proto' | 'host'): string | undefined {
  return field === undefined
    ? undefined
    : forwardedParameter(field, parameter).at(-1)?.toLowerCase()
}
