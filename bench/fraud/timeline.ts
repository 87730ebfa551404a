import type { Address } from '../../src/base/address.ts'
import type { Grant } from '../../src/link/grant.ts'
import type { RequestHeaders } from '../../src/request/request-headers.ts'

/** When the simulated week begins: midnight, in epoch seconds. */
export const START = 1_799_971_200
export const HOUR = 3600
export const DAY = 24 * HOUR
export const DAYS = 7
export const END = START + DAYS * DAY

/** A person, or a case of abuse: whose downloads are judged together. */
export interface Actor {
  /** The habit or the kind of abuse. */
  readonly kind: string
  readonly isHonest: boolean
}

/** A download that somebody begins. */
export interface Attempt {
  readonly actor: Actor
  readonly at: number
  /** How long the bytes flow. */
  readonly seconds: number
  readonly bytes: number
  readonly connections: number
  readonly grant: Grant
  readonly client: Address
  readonly headers: RequestHeaders
}

const VALID_FOR = 6 * DAY
const KEY = { kid: 'k1', alg: 'HS256', notBefore: undefined, retireAt: undefined }
let issued = 0

/** A link as a site makes it for one of its users. */
export function linkFor(subject: string, now: number): Grant {
  const id = `link-${++issued}`
  return {
    scheme: 'sluice-jwt',
    key: KEY,
    linkId: id,
    countKey: `${KEY.kid}/${id}`,
    resource: { kind: 'exact', path: '/files/object' },
    validUntil: now + VALID_FOR,
    constraints: { jti: id, iat: now, subject },
  }
}
