import type { Clock, EpochSeconds } from '../base/clock.ts'
import type { Asset, Catalogue } from '../catalogue/catalogue.ts'
import type { Format } from '../catalogue/format.ts'
import type { Constraints } from '../link/constraints.ts'
import type { KeyRing } from '../link/key-ring.ts'
import type { MintedLink, MintProblem } from '../operator/mint-link.ts'
import type { RenditionDesk } from '../rendition/rendition-desk.ts'
import type { TaskDesk } from '../task/task.ts'
import type { ApiClients } from './clients.ts'

/** Everything that dialects work with. What a reload replaces is asked for anew each time. */
export interface DialectServices {
  readonly clock: Clock
  readonly clients: ApiClients
  readonly catalogue: Catalogue
  readonly renditions: RenditionDesk
  readonly tasks: TaskDesk
  readonly keys: KeyRing
  readonly streamKeys: StreamKeys
  /** Seconds that a rendition made on demand is kept after its last request (`apis.keepSeconds`). */
  readonly keepSeconds: number
  /** The longest life of a link that the policy of the catalogue's route allows. */
  readonly maxLinkSeconds: number
  /** Query parameters that the policy of that route leaves alone: `utm_*` and the like. */
  readonly isIgnoredParameter: (name: string) => boolean
  /** What URLs begin with, without a slash at the end. */
  readonly publicUrl: string
  /** The path of the catalogue's route: `/assets/`. */
  readonly assetsPath: string
  readonly firstCalls: FirstCallHistory
  /** Signs a native link to an object of an asset; what it says is enforced when it is used. */
  mint(link: CatalogueLink): MintedLink | MintProblem
}

/** Remembers signed calls that may count only once. */
export interface FirstCallHistory {
  /** When the call came first, which may be now. It is refused anyway from `expires` on. */
  at(call: string, now: EpochSeconds, expires: EpochSeconds | undefined): Promise<EpochSeconds>
}

export interface CatalogueLink {
  readonly asset: Asset
  /** Undefined: the asset's own object. */
  readonly format: Format | undefined
  /** What the download is saved as. */
  readonly filename: string
  readonly expiresAt: EpochSeconds
  /** By the names of native constraints, values as in JSON. */
  readonly constraints?: { readonly [N in keyof Constraints]?: unknown }
}

/** The RSA keys that callers of the Stream API make to sign tokens themselves. */
export interface StreamKeys {
  /**
   * Makes a key; its private half is shown this once and used for tokens that the API makes. Undefined
   * when there are as many as there may be.
   */
  create(): Promise<CreatedStreamKey | undefined>
  list(): { readonly id: string; readonly created: EpochSeconds }[]
  /** False when there is no such key. Tokens signed with it are refused from then on. */
  remove(id: string): Promise<boolean>
}

export interface CreatedStreamKey {
  readonly id: string
  readonly created: EpochSeconds
  /** PKCS #1 in PEM (RFC 8017), and the JWK, as text. */
  readonly pem: string
  readonly jwk: string
}
