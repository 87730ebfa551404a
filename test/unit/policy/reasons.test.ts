import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { REASONS, refuse } from '../../../src/base/refusal.ts'

const TESTS = fileURLToPath(new URL('../../', import.meta.url))
const THIS = fileURLToPath(import.meta.url)

/** Every test and suite as one text, this file apart. Vectors count by their public code. */
function testTexts(): string {
  return readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .map((name) => join(TESTS, name))
    .filter((file) => /\.(?:ts|mjs)$/.test(file) && file !== THIS)
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
}

it('every reason of a refusal occurs in some test', () => {
  const texts = testTexts()
  const untested = Object.keys(REASONS).filter(
    (reason) => !new RegExp(`['"\`]${reason}['"\`]`).test(texts),
  )
  expect(untested).toEqual([])
})

describe('what the outside sees', () => {
  const ROWS: Record<keyof typeof REASONS, string> = {
    request_invalid: '400 request_invalid',
    path_invalid: '400 path_invalid',
    route_not_found: '404 route_not_found',
    method_not_allowed: '405 method_not_allowed',
    link_missing: '401 link_missing',
    link_malformed: '403 link_invalid',
    link_ambiguous: '403 link_invalid',
    link_key_unknown: '403 link_invalid',
    link_signature_wrong: '403 link_invalid',
    link_resource_mismatch: '403 link_invalid',
    link_issuer_mismatch: '403 link_invalid',
    link_audience_mismatch: '403 link_invalid',
    link_lifetime_exceeded: '403 link_invalid',
    link_constraint_unsupported: '403 link_invalid',
    link_not_yet_valid: '403 link_not_yet_valid',
    link_expired: '410 link_expired',
    link_revoked: '410 link_revoked',
    link_used: '410 link_used',
    prefetch_not_allowed: '403 prefetch_not_allowed',
    address_not_allowed: '403 address_not_allowed',
    country_not_allowed: '403 country_not_allowed',
    network_blocked: '403 network_blocked',
    anonymizer_blocked: '403 anonymizer_blocked',
    link_shared: '403 link_shared',
    referrer_not_allowed: '403 referrer_not_allowed',
    too_many_downloads: '429 too_many_downloads',
    too_many_connections: '429 too_many_connections',
    object_not_found: '404 object_not_found',
    precondition_failed: '412 precondition_failed',
    range_not_satisfiable: '416 range_not_satisfiable',
  }

  it.each(Object.entries(ROWS))('%s is answered %s', (reason, answer) => {
    const { status, code } = REASONS[reason as keyof typeof REASONS]
    expect(`${status} ${code}`).toBe(answer)
  })

  it('the rows are all reasons', () => {
    expect(Object.keys(ROWS)).toEqual(Object.keys(REASONS))
  })

  it('links that failed are all alike, to the letter', () => {
    const alike = Object.values(REASONS).filter(({ code }) => code === 'link_invalid')
    expect(new Set(alike.map((spec) => JSON.stringify(spec))).size).toBe(1)
    expect(alike.length).toBeGreaterThan(5)
  })

  it('a refusal keeps its detail for operators', () => {
    expect(refuse('link_malformed', 'why')).toEqual({ reason: 'link_malformed', detail: 'why' })
  })
})
