import { LRUCache } from 'lru-cache'
import type { Cancellation } from '../base/cancellation.ts'
import type { EpochSeconds } from '../base/clock.ts'
import { refuse, type Refusal } from '../base/refusal.ts'
import type { OpenObject } from '../origin/origin.ts'
import type { Placement, Unfit } from './carrier.ts'
import { carrierOf, whyUntaggable } from './carriers.ts'
import { ObjectReader } from './object-reader.ts'
import { sealTag, TAG_SCHEME, type Tag, type TagKey } from './tag.ts'
import { TaggedObject } from './tagged-object.ts'

/** The keys in force, as far as tags go. */
export interface TagKeys {
  signer(scheme: string, now: EpochSeconds): TagKey | undefined
}

/** A request for a tagged object. */
export interface TagRequest {
  readonly tag: Tag
  /** The origin and the object's name there; together with the entity tag they stand for its bytes. */
  readonly origin: string
  readonly name: string
  /** By the name's extension: counts where the origin has no better one. */
  readonly mediaType: string
  readonly now: EpochSeconds
  readonly signal: Cancellation
}

/** Placements remembered. An entry is some hundred bytes. */
const MAX_REMEMBERED = 10_000

/** What origins say of files that they know nothing about. */
const NO_TYPE: readonly string[] = ['application/octet-stream', 'binary/octet-stream']

/** Puts tags into objects. Where a tag goes is remembered by object, so that a seek costs no second look. */
export class Tagger {
  readonly #keys: TagKeys
  readonly #remembered = new LRUCache<string, Placement | Unfit>({ max: MAX_REMEMBERED })

  constructor(keys: TagKeys) {
    this.#keys = keys
  }

  /** The object with the tag in its bytes; refused where it cannot carry one. Throws `GatewayError`. */
  async tag(object: OpenObject, request: TagRequest): Promise<OpenObject | Refusal> {
    const { contentEncoding, contentType = '', etag, size } = object.meta
    const type =
      contentType === '' || NO_TYPE.includes(contentType) ? request.mediaType : contentType
    const carrier = carrierOf(type)
    if (!carrier) return cannot(whyUntaggable(type) ?? type)
    if (contentEncoding !== undefined) return cannot(`the object is coded as ${contentEncoding}`)
    if (size === undefined) return cannot('the origin does not say the size of the object')
    const key = this.#keys.signer(TAG_SCHEME, request.now)
    if (!key) return cannot(`there is no active key for ${TAG_SCHEME}`)
    const { origin, name, signal } = request
    // a weak tag may stand for several sequences of bytes (RFC 9110 section 8.8.1)
    const version = etag?.startsWith('"') ? `${origin}\n${etag}\n${name}` : undefined
    const reader = new ObjectReader(object, size, signal)
    const placement = await this.#survey(version, () => carrier.survey(reader))
    const edit = 'why' in placement ? placement : placement.edit(sealTag(request.tag, key))
    return 'why' in edit ? cannot(edit.why) : new TaggedObject(object, size, edit)
  }

  async #survey(
    version: string | undefined,
    survey: () => Promise<Placement | Unfit>,
  ): Promise<Placement | Unfit> {
    if (version === undefined) return survey()
    const known = this.#remembered.get(version)
    if (known) return known
    const found = await survey()
    this.#remembered.set(version, found)
    return found
  }
}

function cannot(why: string): Refusal {
  return refuse('link_constraint_unsupported', `autograph_tag: ${why}`)
}
