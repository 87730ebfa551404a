import { z } from 'zod'
import { API_NAMES } from './apis-schema.ts'
import { text } from './fields.ts'
import { openJson, placed } from './key-file.ts'
import type { Problem } from './problem.ts'

/**
 * What a client of the published APIs may do: the name of an API, or `*` for all of them. Xvid's own
 * name of its scope counts, too; scopes of other systems mean nothing here.
 */
const CLIENT_SCOPES: readonly string[] = [...API_NAMES, 'mediahub_download_files', '*']

/** A shorter HMAC secret is guessed sooner than its signature. */
const GOOD_SECRET_BYTES = 16

const base64 = z
  .string()
  .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/, {
    error: 'expected base64',
  })
  .refine((text) => text !== '', { error: 'must not be empty' })

const clientsSchema = z.array(
  z
    .strictObject({
      id: z
        .string()
        .regex(/^[\x21-\x7e]{1,64}$/, { error: 'an id has 1 to 64 printable ASCII characters' }),
      secret: base64.optional(),
      tokenSha256: z
        .string()
        .regex(/^[0-9a-fA-F]{64}$/, { error: 'expected the 64 hex digits of a SHA-256' })
        .optional(),
      scopes: z.array(text).default([]),
    })
    .refine((client) => client.secret !== undefined || client.tokenSha256 !== undefined, {
      error: 'a client needs a secret or a tokenSha256',
    }),
)

/** A client of the published APIs. */
export interface ApiClientEntry {
  readonly id: string
  /** The key of its HMAC signatures. */
  readonly secret: Buffer | undefined
  /** The SHA-256 of its Bearer token. */
  readonly tokenSha256: Buffer | undefined
  readonly scopes: readonly string[]
}

export interface LoadedClients {
  readonly clients: readonly ApiClientEntry[]
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

/** Loads `clients.json`; without the file there are no clients. */
export function loadClients(file: string): LoadedClients {
  const { document, data, problems, warnings, isMissing } = openJson(file)
  if (isMissing) return { clients: [], problems: [], warnings: [] }
  if (!document) return { clients: [], problems, warnings }
  const result = clientsSchema.safeParse(data)
  if (!result.success) {
    const found = placed(clientsSchema, data, result.error, document, [])
    return { clients: [], problems: found, warnings }
  }
  const clients = result.data.map(({ id, secret, tokenSha256, scopes }) => ({
    id,
    secret: secret === undefined ? undefined : Buffer.from(secret, 'base64'),
    tokenSha256: tokenSha256 === undefined ? undefined : Buffer.from(tokenSha256, 'hex'),
    scopes,
  }))
  const repeated = clients.flatMap(({ id }, i) =>
    clients.findIndex((other) => other.id === id) === i
      ? []
      : [document.locate({ path: [i, 'id'], message: `the id ${id} is used twice` })],
  )
  const doubts = clients.flatMap(({ secret, scopes }, i) => [
    ...(secret && secret.length < GOOD_SECRET_BYTES
      ? [{ path: [i, 'secret'], message: `is shorter than ${GOOD_SECRET_BYTES} bytes` }]
      : []),
    ...(scopes.length === 0 ? [{ path: [i], message: 'has no scope: it may do nothing' }] : []),
    ...scopes.flatMap((scope, j) =>
      CLIENT_SCOPES.includes(scope)
        ? []
        : [{ path: [i, 'scopes', j], message: `no API here asks for the scope ${scope}` }],
    ),
  ])
  return {
    clients,
    problems: repeated,
    warnings: [...warnings, ...doubts.map((doubt) => document.locate(doubt))],
  }
}
