import { createHash, createHmac, createSecretKey } from 'node:crypto'
import type { SchemeDefinition } from '../../src/link/definition.ts'
import type { Grant } from '../../src/link/grant.ts'
import { type Key, KeyRing } from '../../src/link/key-ring.ts'
import type { Scheme } from '../../src/link/scheme.ts'
import { LinkVerifier } from '../../src/link/verify-link.ts'
import { decide } from '../../src/policy/decide.ts'
import type { RequestTarget } from '../../src/request/request-target.ts'
import { contextOf, type ContextParts, historyOf, policyOf, secretKey } from './request-parts.ts'

/** No leeway in either direction. */
const STRICT = policyOf({ leeway: { notBeforeSeconds: 0 }, resume: { graceSeconds: 0 } })

/** A scheme as a configuration makes it, its options read by its own schema. */
export function schemeWith(
  { options, create }: SchemeDefinition,
  given: Readonly<Record<string, unknown>> = {},
): Scheme {
  return create(options.parse(given), { isIgnored: STRICT.isIgnoredParameter })
}

/** A key whose bytes are this text. */
export function textKey(scheme: string, text: string, kid = 'key'): Key {
  const secret = createSecretKey(Buffer.from(text, 'latin1'))
  return secretKey(kid, 0, { schemes: new Set([scheme]), verifyKey: secret, signKey: secret })
}

export interface Verdict {
  /** `permit`, or the reason of the refusal. */
  readonly verdict: string
  readonly grant?: Grant
}

/** What a scheme says of a target that the gateway's own check of paths never lets so far. */
export function refusalOf(
  scheme: Scheme,
  keys: readonly Key[],
  target: RequestTarget,
): string | undefined {
  const context = { ...contextOf('/files/a'), target }
  const verified = new LinkVerifier([scheme], new KeyRing(keys)).verify(context)
  return verified.outcome === 'refused' ? verified.refusal.reason : undefined
}

/** What the gateway decides about a request with a link, without leeway. */
export function verdictOf(
  scheme: Scheme,
  keys: readonly Key[],
  url: string,
  parts: ContextParts = {},
): Verdict {
  const context = contextOf(url, { ...parts, scheme })
  const verified = new LinkVerifier([scheme], new KeyRing(keys)).verify(context)
  if (verified.outcome === 'absent') return { verdict: 'link_missing' }
  if (verified.outcome === 'refused') return { verdict: verified.refusal.reason }
  const { grant } = verified
  const { refusal } = decide(grant, context, STRICT, historyOf())
  return { verdict: refusal?.reason ?? 'permit', grant }
}

export function md5(text: string, encoding: 'hex' | 'base64url' = 'hex'): string {
  return createHash('md5').update(text, 'latin1').digest(encoding)
}

export function hmacHex(name: 'sha1' | 'sha256', secret: string | Buffer, text: string): string {
  return createHmac(name, secret).update(text, 'latin1').digest('hex')
}
