import { createSecretKey } from 'node:crypto'
import { type Key, KeyRing } from '../../src/link/key-ring.ts'
import { s3SigV4 } from '../../src/link/schemes/s3-sigv4.ts'
import type { Scheme, Verification } from '../../src/link/scheme.ts'
import { LinkVerifier } from '../../src/link/verify-link.ts'
import type { RequestContext } from '../../src/request/request-context.ts'
import { readHeaders } from '../../src/request/request-headers.ts'
import { contextOf, secretKey } from './request-parts.ts'
import { signV4, type V4Parts } from './v4-signer.ts'

const SECRET = 'not-a-real-secret-access-key/0123456789+'
export const KID = 'AKIATHROWAWAY0000001'

/** The scheme `s3-sigv4` with options as of a route. */
export function makeScheme(options: Record<string, unknown> = {}): Scheme {
  return s3SigV4.create(s3SigV4.options.parse(options), { isIgnored: () => true })
}

export function makeKey(): Key {
  const secret = createSecretKey(Buffer.from(SECRET))
  return secretKey(KID, 0, {
    schemes: new Set(['s3-sigv4']),
    verifyKey: secret,
    signKey: secret,
  })
}

/** How a link is used, where it is not as it was signed for. */
export interface Asked {
  readonly options?: Record<string, unknown>
  readonly key?: Key
  readonly context?: Partial<RequestContext>
  readonly headers?: readonly string[]
}

/** What a gateway with one key says of a target. */
export function verify(
  target: string,
  { options = {}, key = makeKey(), context, headers = [] }: Asked = {},
): Verification {
  const asked = { ...contextOf(target), headers: readHeaders(headers), ...context }
  return new LinkVerifier([makeScheme(options)], new KeyRing([key])).verify(asked)
}

/** A link by that key, signed by the documented formula. */
export function signed(parts: Partial<V4Parts> = {}): string {
  return signV4({ prefix: 'X-Amz-', keyId: KID, ...parts }, SECRET)
}
