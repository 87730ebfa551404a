import type { EpochSeconds } from '../base/clock.ts'
import type { ObjectMeta } from '../origin/origin.ts'
import { isWeak, namesObject } from './entity-tag.ts'
import { parseHttpDate } from './http-date.ts'

/** The conditional fields of a request as they came; absent ones are `undefined`. */
export interface PreconditionFields {
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly ifModifiedSince: string | undefined
  readonly ifUnmodifiedSince: string | undefined
}

/** What an object can be compared by (RFC 9110 section 8.8). */
export type Validators = Pick<ObjectMeta, 'etag' | 'lastModified'>

export type PreconditionResult = 'proceed' | 'not-modified' | 'failed'

/**
 * Evaluates the preconditions of a GET or HEAD for an object that exists, in the order of RFC 9110
 * section 13.2.2. A date that does not parse, or that the object has no counterpart for, is ignored; a
 * malformed `If-Match` fails, a malformed `If-None-Match` matches nothing.
 */
export function evaluatePreconditions(
  fields: PreconditionFields,
  meta: Validators,
  now: EpochSeconds,
): PreconditionResult {
  if (fields.ifMatch !== undefined) {
    if (!namesObject(fields.ifMatch, meta.etag, 'strong')) return 'failed'
  } else if (isUnmodifiedSince(fields.ifUnmodifiedSince, meta, now) === false) return 'failed'

  if (fields.ifNoneMatch !== undefined) {
    if (namesObject(fields.ifNoneMatch, meta.etag, 'weak')) return 'not-modified'
  } else if (isUnmodifiedSince(fields.ifModifiedSince, meta, now) === true) return 'not-modified'

  return 'proceed'
}

/** Whether the object is as old as the date or older; `undefined` when that cannot be said. */
function isUnmodifiedSince(
  field: string | undefined,
  meta: Validators,
  now: EpochSeconds,
): boolean | undefined {
  if (field === undefined || meta.lastModified === undefined) return undefined
  const date = parseHttpDate(field, now)
  return date === undefined ? undefined : meta.lastModified <= date
}

/**
 * Whether `Range` holds in the light of `If-Range` (RFC 9110 section 13.1.5): an entity tag by strong
 * comparison, a date only when it is exactly the Last-Modified and that is a strong validator.
 */
export function rangeApplies(
  ifRange: string | undefined,
  meta: Validators,
  now: EpochSeconds,
): boolean {
  if (ifRange === undefined) return true
  if (ifRange.startsWith('"')) return ifRange === meta.etag
  if (isWeak(ifRange) || meta.lastModified === undefined) return false
  // section 8.8.2.2: within the same second the object may have changed once more
  if (meta.lastModified >= now) return false
  return parseHttpDate(ifRange, now) === meta.lastModified
}
