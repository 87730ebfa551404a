import { type EpochSeconds, secondsOf } from '../../base/clock.ts'
import { parseStrictJson } from '../../base/strict-json.ts'
import { parseAccessRules } from '../../link/access-rule.ts'
import { signStreamToken, type StreamToken } from '../../link/schemes/stream-token.ts'
import type { DialectServices } from '../services.ts'
import { findVideo, type StreamOperation } from './call.ts'
import { failure, failureReply, success, successReply } from './envelope.ts'
import { SigningKeys } from './signing-keys.ts'
import { type TokenRequest, tokenRequestSchema, tokenSchema } from './token-request.ts'

const HOUR = 3600
/** The furthest expiry that Cloudflare lets this call set. */
const DAY = 86_400

/** POST of a token for one video. */
export function tokenOperation(services: DialectServices): StreamOperation {
  const keys = new SigningKeys(services)
  return {
    method: 'POST',
    path: '/stream/{id}/token',
    summary: 'Make a signed token for a video',
    description:
      'The token takes the place of the id in the addresses of the video. A download of a private video needs `downloadable: true`.',
    body: tokenRequestSchema.optional(),
    replies: {
      200: successReply('The token.', tokenSchema),
      400: failureReply('Code 10005: what is wrong with the body.'),
      404: failureReply('Code 10003: no video has this id.'),
      413: failureReply('Code 10413: the body is larger than 64 KiB.'),
    },
    async answer(call, kid) {
      const video = await findVideo(services, call, kid)
      if ('kind' in video) return video
      const bad = (why: string) => failure(400, `Bad Request: ${why}`, { kid })
      const body = await call.readBody()
      if (!body) return failure(413, 'The body is too large', { kid })
      const request = readRequest(body)
      if (typeof request === 'string') return bad(request)
      const token = readToken(services, request, video.id)
      if (typeof token === 'string') return bad(token)
      const signer = await keys.find(request)
      if (typeof signer === 'string') return bad(signer)
      return success({ token: signStreamToken(token, signer.key, signer.signKey) }, kid)
    },
  }
}

/** The body; or what is wrong with it. None at all asks for the defaults. */
function readRequest(body: Buffer): TokenRequest | string {
  if (body.length === 0) return {}
  const result = tokenRequestSchema.safeParse(parseStrictJson(body.toString()))
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = issue?.path.join('.') ?? ''
  return path === '' ? 'the body is not the JSON object of this call' : `${path} is not valid`
}

function readToken(
  { clock, maxLinkSeconds }: DialectServices,
  request: TokenRequest,
  subject: string,
): StreamToken | string {
  const now = secondsOf(clock)
  const furthest: EpochSeconds = now + Math.min(DAY, maxLinkSeconds)
  const exp = Number(request.exp ?? Math.min(now + HOUR, furthest))
  const nbf = Number(request.nbf ?? now - HOUR)
  if (exp <= now || exp > furthest) {
    return `exp must lie in the future and at most ${furthest - now} s ahead`
  }
  if (nbf >= exp) return 'nbf must lie before exp'
  const { accessRules: given = [] } = request
  const accessRules = given.length > 0 ? parseAccessRules(given) : undefined
  if (given.length > 0 && !accessRules) return 'accessRules has a rule that cannot be evaluated'
  return {
    subject,
    expiresAt: exp,
    isDownloadable: request.downloadable ?? false,
    // without it a token made today would fall under what revokes all that were issued before
    constraints: { iat: now, nbf, ...(accessRules && { accessRules }) },
  }
}
