import { equalBytes, sha256 } from './bytes.ts'

/**
 * Whose Bearer token it is (RFC 6750 section 2.1). Compares with every entry, so that the time tells
 * neither which one fits nor how much of it.
 */
export function findBearer<Entry>(
  authorization: string | undefined,
  entries: readonly Entry[],
  tokenSha256: (entry: Entry) => Buffer | undefined,
): Entry | undefined {
  const text = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1]
  if (text === undefined) return undefined
  const presented = sha256(text)
  let found: Entry | undefined
  for (const entry of entries) {
    const expected = tokenSha256(entry)
    if (expected && equalBytes(presented, expected)) found = entry
  }
  return found
}
