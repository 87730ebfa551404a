/** What signatures of version 2 cover of a query, besides the headers of the answer. */
export const SIGNED_SUB_RESOURCES: ReadonlySet<string> = new Set([
  'acl',
  'cors',
  'delete',
  'lifecycle',
  'location',
  'logging',
  'notification',
  'partNumber',
  'policy',
  'requestPayment',
  'restore',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versionId',
  'versioning',
  'versions',
  'website',
])

/** What only signatures of version 4 know. */
const NEWER = new Set(['attributes', 'encryption', 'legal-hold', 'retention', 'select'])

/**
 * The first of the signed parameters that asks for something else than the object: its permissions, its
 * tags, one part of it. Who may read those may not read the object.
 */
export function otherThanObject(method: string, names: Iterable<string>): string | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined
  for (const name of names) {
    if (NEWER.has(name) || (SIGNED_SUB_RESOURCES.has(name) && name !== 'versionId')) return name
  }
  return undefined
}
