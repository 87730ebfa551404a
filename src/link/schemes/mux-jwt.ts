import { z } from 'zod'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { type ConstraintName, isCount } from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { type Condition, identify, type Resource } from '../grant.ts'
import { isHostilePath } from '../hostile-path.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal } from '../link-fields.ts'
import { parameterValues } from '../raw-query.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  type LinkRequest,
  MAX_AHEAD_SECONDS,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
  malformed,
} from '../scheme.ts'
import { signedPart, signJws } from './jws.ts'
import { firstBelow, groupPattern, type PathGroup, pathGroup } from './path-group.ts'
import { RS256, verifyRs256 } from './rs256-token.ts'

const NAME = 'mux-jwt'
const PARAMETER = 'token'
/** The first segment below the route, up to the extension of `<id>.m3u8`. */
const PLAYBACK_SEGMENT = '([^/.]+)[/.]'

/** What each audience opens, by the name of the file behind the playback id. */
const AUDIENCES = { t: 'thumbnail', g: 'animated', s: 'storyboard', v: undefined } as const
type Audience = keyof typeof AUDIENCES

export interface MuxJwtOptions {
  readonly subjectFromPath?: string | undefined
}

/**
 * Playback tokens of Mux: a JWT with RS256 in `?token=` whose `sub` is the playback id in the path and
 * whose `aud` says whether it is for the video, a thumbnail, an animated picture or a storyboard.
 */
export class MuxJwt implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[] = [{ place: 'query', name: PARAMETER }]
  readonly expresses: ReadonlySet<ConstraintName> = new Set(['nbf'])
  readonly signsPrefixes = false
  readonly #subject: (path: string) => PathGroup | undefined

  constructor({ subjectFromPath = firstBelow('/', PLAYBACK_SEGMENT) }: MuxJwtOptions = {}) {
    this.#subject = pathGroup(subjectFromPath)
  }

  find({ target: { rawQuery = '' } }: RequestContext): Found {
    const [token, second] = parameterValues(rawQuery, PARAMETER)
    if (token === undefined) return ABSENT
    if (second !== undefined) return malformed(`the parameter ${PARAMETER} occurs twice`)
    const carrier: Carrier = { place: 'query', text: token }
    const isJws = carrier.text.split('.').length === 3
    return isJws ? { outcome: 'found', carrier } : { outcome: 'found', carrier, isWeak: true }
  }

  verify({ text: token }: Carrier, keys: KeyRing, { now }: RequestContext): Verified {
    const verified = verifyRs256(token, NAME, keys, now)
    if (isRefusal(verified)) return { outcome: 'refused', refusal: verified }
    const { key, payload } = verified
    const claims = readClaims(payload, now)
    if (isRefusal(claims)) return { outcome: 'refused', refusal: claims }
    const { sub, aud, exp, nbf } = claims
    const grant = {
      scheme: NAME,
      key,
      ...identify(key, undefined, signedPart(token)),
      resource: this.#opens(sub),
      validUntil: exp,
      constraints: nbf === undefined ? {} : { nbf },
      conditions: [isFor(aud)],
    }
    return { outcome: 'granted', grant }
  }

  /** Every file of a playback id, so that one verification serves the segments of a stream. */
  #opens(subject: string): Resource {
    return {
      kind: 'pattern',
      text: `the playback id ${subject}`,
      covers: ({ path, target }) =>
        !isHostilePath(target.rawPath) && this.#subject(path)?.text === subject,
    }
  }

  sign({ path, expiresAt, constraints }: LinkRequest, key: Key): SignedLink | Refusal {
    if (!key.signKey) return refuse('link_key_unknown', 'the key has no private half')
    const subject = this.#subject(path)?.text
    if (subject === undefined || !/^[\w-]+$/.test(subject)) {
      return refuse('link_constraint_unsupported', 'path: it names no playback id')
    }
    const { nbf } = constraints
    const payload = {
      sub: subject,
      aud: audienceOf(path),
      exp: expiresAt,
      ...(nbf !== undefined && { nbf }),
      kid: key.kid,
    }
    return { target: `${path}?${PARAMETER}=${signJws(payload, key, key.signKey)}` }
  }

  canonicalText({ text }: Carrier): string | undefined {
    return text.includes('.') ? signedPart(text) : undefined
  }
}

interface Claims {
  readonly sub: string
  readonly aud: Audience
  readonly exp: EpochSeconds
  readonly nbf: EpochSeconds | undefined
}

function readClaims(
  { sub, aud, exp, nbf, playback_restriction_id: restriction }: Record<string, unknown>,
  now: EpochSeconds,
): Claims | Refusal {
  const no = (detail: string): Refusal => refuse('link_malformed', detail)
  if (restriction !== undefined) {
    return refuse('link_constraint_unsupported', 'playback_restriction_id is known to Mux alone')
  }
  if (typeof sub !== 'string' || sub === '') return no('sub is missing or no text')
  if (typeof aud !== 'string' || !Object.hasOwn(AUDIENCES, aud)) {
    return refuse('link_audience_mismatch', 'aud is none of v, t, g and s')
  }
  if (!isCount(exp)) return no('exp is missing or no whole number of seconds')
  if (exp > now + MAX_AHEAD_SECONDS) return no('exp lies more than 10 years ahead')
  if (nbf !== undefined && !isCount(nbf)) return no('nbf is no whole number of seconds')
  return { sub, aud: aud as Audience, exp, nbf }
}

/** Which audience a path needs. What is no picture is part of the video. */
function audienceOf(path: string): Audience {
  const file = path.slice(path.lastIndexOf('/') + 1)
  const [stem] = file.split('.', 1)
  const names = Object.keys(AUDIENCES) as Audience[]
  return names.find((name) => AUDIENCES[name] === stem) ?? 'v'
}

function isFor(audience: Audience): Condition {
  return {
    name: 'audience',
    check: ({ path }) =>
      audienceOf(path) === audience
        ? undefined
        : refuse('link_audience_mismatch', `a token of aud ${audience} does not open this file`),
  }
}

export const muxJwt = defineScheme({
  name: NAME,
  algorithms: [RS256],
  options: z.strictObject({
    subjectFromPath: groupPattern
      .optional()
      .describe(
        'A regular expression whose group 1 is the playback id in the path. Default: what stands first below the route.',
      ),
  }),
  marks: () => [`query ${PARAMETER} jws`],
  create: (options, { routePath = '/' }) => {
    const { subjectFromPath = firstBelow(routePath, PLAYBACK_SEGMENT) } = options
    return new MuxJwt({ subjectFromPath })
  },
})
