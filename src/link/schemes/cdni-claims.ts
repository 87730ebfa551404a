import { type Network, parseNetwork } from '../../base/address.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { isCount } from '../constraints.ts'
import type { Key } from '../key-ring.ts'

export type Claims = Readonly<Record<string, unknown>>

export interface CdniUriSigningOptions {
  /** The name of the parameter and of the cookie. */
  readonly package: string
  readonly audience?: string | undefined
  readonly requireIssuer: boolean
  readonly oneTime: boolean
}

/** RFC 9246 section 2.1, and the registered claims that it uses. */
const CLAIMS =
  'iss sub aud exp nbf iat jti cdniv cdnicrit cdniip cdniuc cdniets cdnistt cdnistd'.split(' ')

/** Why a token is not for us, or not understood: who made it, for whom, in which version. */
export function checkClaims(
  claims: Claims,
  { requireIssuer, audience }: CdniUriSigningOptions,
  key: Key,
): Refusal | undefined {
  const { iss, aud, cdniv, cdnicrit, cdnistt, cdniets, cdnistd } = claims
  const isForeign = key.issuer !== undefined && iss !== undefined && iss !== key.issuer
  if (isForeign || (requireIssuer && typeof iss !== 'string')) {
    return refuse('link_issuer_mismatch', 'iss is not the issuer of the key')
  }
  // RFC 7519 section 4.1.3: who is not named in aud must reject the token
  if (aud !== undefined && (audience === undefined || ![aud].flat().includes(audience))) {
    return refuse('link_audience_mismatch', 'aud does not name the audience of the route')
  }
  if (cdniv !== undefined && cdniv !== 1) return odd('cdniv is not 1')
  if (cdnicrit !== undefined && !isUnderstood(cdnicrit, claims)) {
    return refuse('link_constraint_unsupported', 'cdnicrit names a claim that is not known')
  }
  if (cdnistt !== undefined && cdnistt !== 0 && cdnistt !== 1) return odd('cdnistt is unknown')
  if ((cdnistt === 1 || cdniets !== undefined) && !(isCount(cdniets) && cdniets > 0)) {
    return odd('cdniets is missing or no number of seconds')
  }
  if (cdnistd !== undefined && !isCount(cdnistd)) return odd('cdnistd is no number of segments')
  return undefined
}

/** RFC 9246 section 2.1.9: names of claims that are in the token, separated by commas. */
function isUnderstood(list: unknown, claims: Claims): boolean {
  if (typeof list !== 'string') return false
  const names = list.split(',').map((name) => name.trim())
  return (
    new Set(names).size === names.length &&
    names.every((name) => CLAIMS.includes(name) && claims[name] !== undefined)
  )
}

/** An address or prefix; IPv6 stands in brackets, the length of its prefix within or behind them. */
export function readAddress(text: string): Network | undefined {
  return parseNetwork(text.replace(/^\[([0-9A-Fa-f:.]+(?:\/\d+)?)\](\/\d+)?$/, '$1$2'))
}

function odd(detail: string): Refusal {
  return refuse('link_malformed', detail)
}
