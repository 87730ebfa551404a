import { createHmac } from 'node:crypto'
import type { RequestContext } from '../request/request-context.ts'
import { decodeBase64Url, equalBytes } from '../base/bytes.ts'
import { isActive } from '../link/key-ring.ts'
import type { Carrier, Scheme } from '../link/scheme.ts'
import type { LinkDesk } from './link-desk.ts'

/**
 * Why a signature may not hold, found by trying the mistakes that signers make: another key, the decoded
 * path, the whole URL, a missing or doubled piece. Says what matched, never what would be right.
 */
export function signatureHints(
  scheme: Scheme,
  carrier: Carrier,
  desk: LinkDesk,
  context: RequestContext,
): string[] {
  const { now } = context
  const kid = kidOf(carrier)
  const key = kid === undefined ? undefined : desk.keys.get(kid)
  if (kid !== undefined && !key) return [`there is no key ${kid}`]
  if (key && !key.schemes.has(scheme.name)) return [`the key ${key.kid} is not for ${scheme.name}`]
  if (key && !isActive(key, now)) return [`the key ${key.kid} is not active at that time`]
  const canonical = scheme.canonicalText(carrier, context)
  const signature = decodeBase64Url(/[&?]Signature=([^&]*)$/.exec(carrier.text)?.[1] ?? '')
  if (scheme.name !== 'sluice-hmac' || !canonical || !signature) return []
  const hints: string[] = []
  for (const candidate of desk.keys) {
    const secret = candidate.signKey ?? candidate.verifyKey
    if (secret.type !== 'secret') continue
    for (const [what, text] of variants(canonical, desk.publicUrl)) {
      const mac = createHmac('sha256', secret).update(text, 'latin1').digest()
      if (equalBytes(mac, signature)) {
        hints.push(`the signature holds for ${what}, with the key ${candidate.kid}`)
      }
    }
  }
  return hints
}

function kidOf(carrier: Carrier): string | undefined {
  const parameter = /[?&]KeyId=([^&]*)/.exec(carrier.text)?.[1]
  if (parameter !== undefined) return parameter
  try {
    const header: unknown = JSON.parse(
      Buffer.from(carrier.text.split('.')[0] ?? '', 'base64url').toString(),
    )
    const kid = (header as { kid?: unknown } | null)?.kid
    return typeof kid === 'string' ? kid : undefined
  } catch {
    return undefined
  }
}

function variants(canonical: string, publicUrl: string): [string, string][] {
  const all: [string, string][] = [
    ['this very text', canonical],
    ['the text with "&Signature=" at its end', `${canonical}&Signature=`],
    ['the whole URL', publicUrl + canonical],
    ['the path alone', canonical.replace(/\?.*$/s, '')],
    ['the text without KeyId', canonical.replace(/&KeyId=[^&]*/, '')],
    ['the text without its leading slash', canonical.slice(1)],
  ]
  try {
    all.push([
      'the percent-decoded text',
      Buffer.from(decodeURIComponent(canonical)).toString('latin1'),
    ])
  } catch {
    // not decodable: then nobody signed it decoded
  }
  return all
}
