import { refuse, type Refusal } from '../../base/refusal.ts'
import { canonicalisePath, encodePath } from '../../request/canonical-path.ts'
import type { Constraints } from '../constraints.ts'
import type { LinkRequest } from '../scheme.ts'
import type { EdgeAuthOptions } from './akamai-options.ts'
import { escapeEarly, escapeForCloudinary } from './akamai-token.ts'

/** The fields of a new token, before its hmac. */
export function fieldsOf(
  { ip, nbf, jti }: Constraints,
  expiresAt: LinkRequest['expiresAt'],
  acl: string | undefined,
  { fieldDelimiter, escapeEarly: isEscaped }: EdgeAuthOptions,
): { readonly text: string } | Refusal {
  const [network, ...others] = ip ?? []
  if (network && (others.length > 0 || network.prefix < (network.first.family === 4 ? 32 : 128))) {
    return refuse('link_constraint_unsupported', 'ip: a token of this format names one address')
  }
  const write = (text: string): string => (isEscaped ? escapeEarly(text) : text)
  const id = jti === undefined ? undefined : write(jti)
  if (id !== undefined && !isWritable(id, fieldDelimiter)) {
    return refuse('link_constraint_unsupported', 'jti: holds characters that need escapeEarly')
  }
  const pairs = [
    ['ip', network && write(network.first.text)],
    ['st', nbf],
    ['exp', expiresAt],
    ['acl', acl],
    ['id', id],
  ].filter(([, value]) => value !== undefined)
  return { text: pairs.map((pair) => pair.join('=')).join(fieldDelimiter) }
}

/** The entry of acl that opens all below a prefix, which ends in a slash. */
export function aclOf(
  prefix: string,
  { aclEscaped, aclDelimiter, fieldDelimiter }: EdgeAuthOptions,
): string | Refusal {
  const sample = canonicalisePath(`${prefix}x`)
  if (!sample.ok) return refuse('link_constraint_unsupported', `path: ${sample.why}`)
  const plain = sample.path.slice(0, -1)
  const entry = aclEscaped
    ? escapeForCloudinary(Buffer.from(plain).toString('latin1'))
    : encodePath(plain)
  const isPlain = !/[*?]/.test(plain) && !plain.includes(aclDelimiter)
  if (isPlain && isWritable(entry, fieldDelimiter)) return `${entry}*`
  return refuse('link_constraint_unsupported', 'path: holds characters that acl gives a meaning')
}

/** Whether a value can stand in a token as it is, in any of its places. */
function isWritable(value: string, fieldDelimiter: string): boolean {
  return /^[A-Za-z0-9\-_.:@=$()/+!%]*$/.test(value) && !value.includes(fieldDelimiter)
}
