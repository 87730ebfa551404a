import type { EpochSeconds } from '../base/clock.ts'
import type { ObjectMeta } from '../origin/origin.ts'
import { type ByteRange, parseRange, resolveRanges } from './byte-range.ts'
import { evaluatePreconditions, type PreconditionFields, rangeApplies } from './precondition.ts'

/** The fields of a request that choose what is delivered, as they came. */
export interface DeliveryFields extends PreconditionFields {
  readonly range: string | undefined
  readonly ifRange: string | undefined
}

export interface DeliveryRequest {
  readonly method: string
  readonly fields: DeliveryFields
  readonly meta: ObjectMeta
  readonly now: EpochSeconds
}

/** How an object is answered. `end` of a whole object of unknown size is Infinity. */
export type DeliveryPlan =
  | { readonly status: 200; readonly kind: 'whole'; readonly range: ByteRange }
  | {
      readonly status: 206
      readonly kind: 'part'
      readonly range: ByteRange
      readonly size: number
    }
  | {
      readonly status: 206
      readonly kind: 'parts'
      readonly ranges: readonly ByteRange[]
      readonly size: number
    }
  | { readonly status: 304; readonly kind: 'not-modified' }
  | { readonly status: 412; readonly kind: 'precondition-failed' }
  | { readonly status: 416; readonly kind: 'unsatisfiable'; readonly size: number }

const NOT_MODIFIED: DeliveryPlan = { status: 304, kind: 'not-modified' }
const PRECONDITION_FAILED: DeliveryPlan = { status: 412, kind: 'precondition-failed' }

/**
 * Decides how to answer a GET or HEAD for an object that exists: preconditions first, then the range if
 * `If-Range` holds (RFC 9110 sections 13.2.2 and 14.2). `Range` counts for GET only, and only when the
 * size is known.
 */
export function planDelivery({ method, fields, meta, now }: DeliveryRequest): DeliveryPlan {
  const result = evaluatePreconditions(fields, meta, now)
  if (result === 'not-modified') return NOT_MODIFIED
  if (result === 'failed') return PRECONDITION_FAILED

  const { size } = meta
  if (fields.range !== undefined && size !== undefined && method === 'GET') {
    const specs = parseRange(fields.range)
    if (specs && rangeApplies(fields.ifRange, meta, now)) {
      const resolved = resolveRanges(specs, size)
      if (resolved.kind === 'unsatisfiable') return { status: 416, kind: 'unsatisfiable', size }
      if (resolved.kind === 'ranges') return planRanges(resolved.ranges, size)
    }
  }
  return { status: 200, kind: 'whole', range: { start: 0, end: size ?? Infinity } }
}

function planRanges(ranges: readonly ByteRange[], size: number): DeliveryPlan {
  const [range] = ranges
  return ranges.length === 1 && range
    ? { status: 206, kind: 'part', range, size }
    : { status: 206, kind: 'parts', ranges, size }
}
