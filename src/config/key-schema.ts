import { z } from 'zod'
import { choice } from './fields.ts'
import { KEY_SCHEME_NAMES } from './scheme-names.ts'

/** What each algorithm of a key asks of the key itself (RFC 7518 section 3.1, RFC 8037). */
export const ALGORITHMS = {
  HS256: { kty: 'oct', bytes: 32 },
  HS384: { kty: 'oct', bytes: 48 },
  HS512: { kty: 'oct', bytes: 64 },
  RS256: { kty: 'RSA' },
  RS384: { kty: 'RSA' },
  RS512: { kty: 'RSA' },
  PS256: { kty: 'RSA' },
  PS384: { kty: 'RSA' },
  PS512: { kty: 'RSA' },
  ES256: { kty: 'EC', curve: 'P-256' },
  ES384: { kty: 'EC', curve: 'P-384' },
  ES512: { kty: 'EC', curve: 'P-521' },
  EdDSA: { kty: 'OKP' },
  // what JOSE has no name for and old link formats ask for
  HS1: { kty: 'oct', bytes: 20 },
  MD5: { kty: 'oct', bytes: 16 },
  RS1: { kty: 'RSA' },
  'HS256/64': { kty: 'oct', bytes: 32 },
  dir: { kty: 'oct', bytes: 16 },
  A128GCM: { kty: 'oct', bytes: 16 },
  A256GCM: { kty: 'oct', bytes: 32 },
} as const

export type KeyAlgorithm = keyof typeof ALGORITHMS

export const ALGORITHM_NAMES = Object.keys(ALGORITHMS) as [KeyAlgorithm, ...KeyAlgorithm[]]

const epochSeconds = z.int().min(0)

/** Stands in URLs (`KeyId=`) and file names as it is. */
const kid = z.string().regex(/^[A-Za-z0-9_~][A-Za-z0-9._~@+-]{0,127}$/, {
  error: 'a kid has 1 to 128 letters, digits, . _ ~ @ + and -',
})

/** The members of a JWK that all keys share; RFC 7517 section 4 lets readers ignore others. */
export const jwkSchema = z.looseObject({
  kty: choice(['oct', 'RSA', 'EC', 'OKP']),
  kid,
  alg: choice(ALGORITHM_NAMES),
  use: choice(['sig', 'enc']).optional(),
  issuer: z.string().min(1, { error: 'must not be empty' }).optional(),
  schemes: z.array(choice(KEY_SCHEME_NAMES)).min(1, { error: 'names no scheme' }),
  notBefore: epochSeconds.optional(),
  retireAt: epochSeconds.optional(),
})

export type Jwk = z.output<typeof jwkSchema>

export const TOKEN_SCOPES = ['links', 'revoke', 'read', 'assets', 'keys', 'lists'] as const

export const adminTokensSchema = z.array(
  z.strictObject({
    id: z
      .string()
      .regex(/^[\x21-\x7e]{1,64}$/, { error: 'an id has 1 to 64 printable ASCII characters' }),
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, { error: 'expected the 64 hex digits of a SHA-256' }),
    scopes: z.array(choice([...TOKEN_SCOPES, '*'])).min(1, { error: 'names no scope' }),
  }),
)

/** An admin token by its hash; the scope `*` stands for all. */
export type AdminToken = z.output<typeof adminTokensSchema>[number]
