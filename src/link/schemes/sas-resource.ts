import { refuse, type Refusal } from '../../base/refusal.ts'
import { parseCount } from '../constraints.ts'
import type { Resource } from '../grant.ts'
import { isHostilePath } from '../hostile-path.ts'
import type { SasFields } from './sas-layout.ts'

/** Container and blob of a path. What has one segment lies in the container `$root`. */
interface BlobName {
  readonly container: string
  readonly blob: string
}

/** What a service SAS opens, and how its signed text names that. */
export interface SasResource {
  readonly canonical: string
  readonly opens: Resource
}

/**
 * The resource of a request by `sr`: its blob, its container, or the first `sdd` folders of its path.
 * `path` is the decoded one of the request.
 */
export function sasResource(
  account: string,
  { sr, sdd, sv = '', snapshot, versionid }: SasFields,
  rawPath: string,
  path: string,
): SasResource | Refusal {
  const name = blobName(rawPath)
  if (!name) return refuse('link_malformed', 'the path names no blob')
  const { container, blob } = name
  const base = `/blob/${account}/${container}`
  switch (sr ?? '') {
    case 'b':
      if (snapshot !== undefined || versionid !== undefined) {
        return refuse('link_resource_mismatch', 'sr=b opens the blob, no snapshot or version of it')
      }
      return { canonical: `${base}/${blob}`, opens: { kind: 'exact', path } }
    case 'bs':
    case 'bv':
      if ((sr === 'bs' ? snapshot : versionid) === undefined || sv < '2018-11-09') {
        return refuse('link_malformed', `sr=${sr} without what it names`)
      }
      return { canonical: `${base}/${blob}`, opens: { kind: 'exact', path } }
    case 'c':
      return isPlain(rawPath) ?? { canonical: base, opens: insideContainer(container) }
    case 'd':
      return isPlain(rawPath) ?? insideDirectory(base, name, sdd, sv)
    default:
      return refuse('link_constraint_unsupported', 'sr is none of b, bs, bv, c and d')
  }
}

/** A prefix must not be left by a path that a later reader resolves. */
export function isPlain(rawPath: string): Refusal | undefined {
  return isHostilePath(rawPath)
    ? refuse('link_malformed', 'the path could leave what the link opens')
    : undefined
}

function blobName(rawPath: string): BlobName | undefined {
  const slash = rawPath.indexOf('/', 1)
  const container = slash < 0 ? '$root' : decode(rawPath.slice(1, slash))
  const blob = decode(rawPath.slice(slash < 0 ? 1 : slash + 1))
  if (container === undefined || blob === undefined || blob === '') return undefined
  // an encoded slash would move the border between container and blob
  if (container === '' || container.includes('/') || /\p{Cc}/u.test(container + blob)) {
    return undefined
  }
  return { container, blob }
}

/** A plus sign of a path is a plus sign. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function insideContainer(container: string): Resource {
  return {
    kind: 'pattern',
    text: `/${container}/*`,
    covers: ({ target }) => blobName(target.rawPath)?.container === container,
  }
}

function insideDirectory(
  base: string,
  { container, blob }: BlobName,
  sdd: string | undefined,
  sv: string,
): SasResource | Refusal {
  const depth = parseCount(sdd ?? '') ?? 0
  const folders = blob.split('/').slice(0, -1)
  if (depth < 1 || sv < '2020-02-10')
    return refuse('link_malformed', 'sdd is no depth of 1 or more')
  if (folders.length < depth) {
    return refuse('link_resource_mismatch', 'the path is not as deep as the directory')
  }
  const directory = folders.slice(0, depth).join('/')
  return {
    canonical: `${base}/${directory}`,
    opens: { kind: 'prefix', path: `/${container}/${directory}/` },
  }
}
