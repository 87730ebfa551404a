import { createHmac, type KeyObject } from 'node:crypto'
import { decodeBase64Url, equalBytes } from '../base/bytes.ts'
import type { EpochSeconds } from '../base/clock.ts'

/** What a delivered file says about the link that it was fetched with. */
export interface Tag {
  readonly linkId: string
  readonly subject?: string | undefined
  /** The link's own text, `autograph_tag`. */
  readonly text: string
  readonly time: EpochSeconds
}

/** A secret that seals tags and tells the genuine ones. */
export interface TagKey {
  readonly kid: string
  /** Of kty oct. */
  readonly verifyKey: KeyObject
}

export type OpenedTag =
  | { readonly outcome: 'genuine'; readonly tag: Tag; readonly kid: string }
  | { readonly outcome: 'unproven'; readonly why: string }

/** The name under which a key is meant for tags. */
export const TAG_SCHEME = 'sluice-tag'

/** What a sealed tag begins with: how one is recognised in a file. */
export const TAG_MARK = 'SluiceTag1.'

/** Above the longest tag that a link can ask for, all of its texts escaped in JSON. */
export const MAX_SEALED_BYTES = 4096

/** Neither the payload nor the HMAC holds a dot, so the kid may. */
const SEALED = /^SluiceTag1\.([A-Za-z0-9_~][A-Za-z0-9._~-]{0,127})\.([\w-]+)\.([\w-]{43})$/

/**
 * A tag as printable ASCII: `SluiceTag1.KID.PAYLOAD.HMAC`. The payload is a JSON array in base64url,
 * the HMAC that of SHA-256 over everything before it. The same tag and key give the same bytes.
 */
export function sealTag(tag: Tag, key: TagKey): Buffer {
  const { linkId, subject, text, time } = tag
  const fields = subject === undefined ? [linkId, text, time] : [linkId, text, time, subject]
  const payload = Buffer.from(JSON.stringify(fields)).toString('base64url')
  const signed = `${TAG_MARK}${key.kid}.${payload}`
  return Buffer.from(`${signed}.${authenticate(signed, key).toString('base64url')}`)
}

/** Reads a sealed tag; nothing of its payload is parsed before its signature holds. */
export function openTag(sealed: string, keys: Iterable<TagKey>): OpenedTag {
  const [, kid = '', payload = '', mac = ''] =
    (sealed.length <= MAX_SEALED_BYTES && SEALED.exec(sealed)) || []
  if (kid === '') return unproven('it is damaged')
  const key = [...keys].find((candidate) => candidate.kid === kid)
  if (!key) return unproven(`there is no tag key ${kid}`)
  const given = decodeBase64Url(mac)
  if (!given || !equalBytes(given, authenticate(`${TAG_MARK}${kid}.${payload}`, key))) {
    return unproven(`its signature by the key ${kid} does not hold`)
  }
  const fields: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const [linkId, text, time, subject] = fields as [string, string, number, string | undefined]
  return { outcome: 'genuine', tag: { linkId, subject, text, time }, kid }
}

function authenticate(text: string, key: TagKey): Buffer {
  return createHmac('sha256', key.verifyKey).update(text).digest()
}

function unproven(why: string): OpenedTag {
  return { outcome: 'unproven', why }
}
