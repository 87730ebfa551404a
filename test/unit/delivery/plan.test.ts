import { describe, expect, it } from 'vitest'
import { formatContentRange, formatUnsatisfiedRange } from '../../../src/delivery/byte-range.ts'
import { type DeliveryFields, type DeliveryPlan, planDelivery } from '../../../src/delivery/plan.ts'
import type { ObjectMeta } from '../../../src/origin/origin.ts'
import { CASE_SIZE, fillPlaceholders, rangeCases } from './range-cases.ts'

const NOW = 1_763_700_000
const VALIDATORS = { etag: '"v1"', lastModified: NOW - 86_400 }
const META: ObjectMeta = {
  size: CASE_SIZE,
  ...VALIDATORS,
  contentType: undefined,
  contentEncoding: undefined,
  contentLanguage: undefined,
}

function fieldsOf(headers: Readonly<Record<string, string>>): DeliveryFields {
  const field = (name: string): string | undefined => {
    const value = headers[name]
    return value === undefined ? undefined : fillPlaceholders(value, VALIDATORS)
  }
  return {
    range: field('Range'),
    ifRange: field('If-Range'),
    ifMatch: field('If-Match'),
    ifNoneMatch: field('If-None-Match'),
    ifModifiedSince: field('If-Modified-Since'),
    ifUnmodifiedSince: field('If-Unmodified-Since'),
  }
}

function plan(headers: Record<string, string>, meta: Partial<ObjectMeta> = {}): DeliveryPlan {
  const fields = fieldsOf(headers)
  return planDelivery({ method: 'GET', fields, meta: { ...META, ...meta }, now: NOW })
}

function deliveredRanges(delivery: DeliveryPlan): [number, number][] | undefined {
  if (delivery.kind === 'part') return [[delivery.range.start, delivery.range.end]]
  if (delivery.kind !== 'parts') return undefined
  return delivery.ranges.map(({ start, end }) => [start, end])
}

function contentRangeOf(delivery: DeliveryPlan): string | undefined {
  if (delivery.kind === 'part') return formatContentRange(delivery.range, delivery.size)
  return delivery.kind === 'unsatisfiable' ? formatUnsatisfiedRange(delivery.size) : undefined
}

describe('the table of ranges and preconditions', () => {
  it('holds at least 130 cases with names of their own', () => {
    const names = new Set(rangeCases.map(({ name }) => name))
    expect(names.size).toBe(rangeCases.length)
    expect(names.size).toBeGreaterThanOrEqual(130)
  })

  it('reads no field that the plan does not', () => {
    const known = [
      'Range',
      'If-Range',
      'If-Match',
      'If-None-Match',
      'If-Modified-Since',
      'If-Unmodified-Since',
    ]
    for (const { headers } of rangeCases)
      expect(known).toEqual(expect.arrayContaining(Object.keys(headers)))
  })

  it.each(rangeCases)('$name', ({ method, headers, status, contentRange, ranges }) => {
    const delivery = planDelivery({ method, fields: fieldsOf(headers), meta: META, now: NOW })
    expect(delivery.status).toBe(status)
    expect(deliveredRanges(delivery)).toEqual(ranges)
    expect(contentRangeOf(delivery)).toBe(contentRange)
    if (delivery.kind === 'whole') expect(delivery.range).toEqual({ start: 0, end: CASE_SIZE })
  })
})

describe('objects out of the ordinary', () => {
  const whole = { status: 200, kind: 'whole' }

  it('an object of unknown size is delivered whole, without an end', () => {
    expect(plan({ Range: 'bytes=0-9' }, { size: undefined })).toEqual({
      ...whole,
      range: { start: 0, end: Infinity },
    })
  })

  it('an object of unknown size is still compared', () => {
    expect(plan({ 'If-None-Match': '{etag}' }, { size: undefined }).status).toBe(304)
    expect(plan({ 'If-Match': '"other"' }, { size: undefined }).status).toBe(412)
  })

  it('an empty object has no first byte', () => {
    expect(plan({ Range: 'bytes=0-' }, { size: 0 })).toEqual({
      status: 416,
      kind: 'unsatisfiable',
      size: 0,
    })
  })

  it('an empty object answers a suffix whole', () => {
    expect(plan({ Range: 'bytes=-5' }, { size: 0 })).toEqual({
      ...whole,
      range: { start: 0, end: 0 },
    })
    expect(plan({ Range: 'bytes=0-1,-5' }, { size: 0 }).status).toBe(200)
  })

  it('an empty object cannot satisfy a suffix of zero', () => {
    expect(plan({ Range: 'bytes=-0' }, { size: 0 }).status).toBe(416)
  })

  it('positions above 32 bits are exact', () => {
    const size = 2 ** 43
    const range = `bytes=${size - 2}-${size - 1}`
    expect(deliveredRanges(plan({ Range: range }, { size }))).toEqual([[size - 2, size]])
  })
})
