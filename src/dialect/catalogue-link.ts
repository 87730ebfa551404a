import { GatewayError } from '../base/failure.ts'
import type { Asset } from '../catalogue/catalogue.ts'
import type { MintedLink } from '../operator/mint-link.ts'
import type { CatalogueLink, DialectServices } from './services.ts'

/** The longest file name that a link can carry (the constraint `filename`). */
const MAX_FILENAME_BYTES = 255

/**
 * A link of which the caller chose nothing. That it cannot be made (no key, a policy that wants more) is
 * the operator's fault, so it is a failure and not a refusal.
 */
export function mintOrFail(services: DialectServices, link: CatalogueLink): MintedLink {
  const minted = services.mint(link)
  if ('field' in minted) {
    const why = `${minted.field}: ${minted.message}`
    throw new GatewayError('ERR_INTERNAL', `no link to an asset can be made: ${why}`)
  }
  return minted
}

/** The asset's file name with another extension, as long as a link can carry. */
export function filenameWith({ filename }: Asset, extension: string): string {
  const stem = Buffer.from(filename.replace(/(?<=.)\.[^.]*$/, ''))
  const room = stem.subarray(0, MAX_FILENAME_BYTES - extension.length - 1)
  // a stream leaves out the character that was cut in two
  return `${new TextDecoder().decode(room, { stream: true })}.${extension}`
}
