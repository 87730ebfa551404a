import { z } from 'zod'
import { secondsOf } from '../../base/clock.ts'
import { canonicalisePath, encodePath } from '../../request/canonical-path.ts'
import type { Revocation, RevocationTarget } from '../../state/revocation-index.ts'
import { endpoint } from '../endpoint.ts'
import { epochSeconds, named } from '../named-schemas.ts'
import { invalid, problem } from '../problem.ts'
import type { AdminServices } from '../services.ts'

const MEMBERS = ['link_id', 'subject', 'path', 'kid', 'tag', 'issued_before'] as const

const name = z.string().min(1).max(255)

const members = {
  link_id: name.optional(),
  subject: name.optional(),
  path: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'As in the URL, percent-encoded, or a prefix ending in /*.' }),
  kid: name.optional(),
  tag: name.optional(),
  issued_before: epochSeconds
    .optional()
    .meta({ description: 'Links that do not say when they were issued count as issued before.' }),
}

const revocationRequest = named(
  'RevocationRequest',
  z
    .strictObject({
      ...members,
      end_downloads: z
        .boolean()
        .optional()
        .meta({ description: 'Cuts what runs now by the links that are withdrawn.' }),
    })
    .refine((body) => MEMBERS.some((member) => body[member] !== undefined), {
      error: `name at least one of ${MEMBERS.join(', ')}`,
    })
    .meta({
      description: 'Withdraws the links for which every member that is given holds.',
      anyOf: MEMBERS.map((member) => ({ required: [member] })),
    }),
)

const revocation = named(
  'Revocation',
  z.object({
    id: z.string(),
    created_at: epochSeconds,
    ...members,
    note: z.string().optional().meta({ description: 'Why the gateway itself withdrew the link.' }),
  }),
)

const addEndpoint = endpoint({
  method: 'POST',
  path: '/v1/revocations',
  access: ['revoke'],
  summary: 'Withdraw links',
  body: revocationRequest,
  replies: {
    201: {
      description: 'The revocation is in force',
      schema: named(
        'AddedRevocation',
        z.object({
          ...revocation.shape,
          ended_downloads: z
            .int()
            .optional()
            .meta({ description: 'How many were cut, if that was asked for.' }),
        }),
      ),
      headers: { Location: 'Where the revocation is read and taken back' },
    },
  },
  async handle({ services, actor, body: { end_downloads = false, path, ...others } }) {
    const decoded = path === undefined ? undefined : revokedPath(path)
    if (decoded && 'why' in decoded) return invalid([{ field: 'path', message: decoded.why }])
    const target: RevocationTarget = { ...others, ...(decoded && { path: decoded.path }) }
    const added = await addAudited(services, actor, target, end_downloads)
    return {
      status: 201,
      body: {
        ...presented(added),
        ...(end_downloads && { ended_downloads: await services.live.endRevoked(added) }),
      },
      headers: { Location: `/v1/revocations/${added.id}` },
    }
  },
})

const listEndpoint = endpoint({
  method: 'GET',
  path: '/v1/revocations',
  access: ['read', 'revoke'],
  summary: 'List the revocations in force',
  replies: {
    200: {
      description: 'All of them, oldest first',
      schema: named('Revocations', z.object({ revocations: z.array(revocation) })),
    },
  },
  handle: ({ services }) => ({
    status: 200,
    body: { revocations: services.revocations.list().map(presented) },
  }),
})

const readEndpoint = endpoint({
  method: 'GET',
  path: '/v1/revocations/{id}',
  access: ['read', 'revoke'],
  summary: 'Read a revocation',
  replies: { 200: { description: 'The revocation', schema: revocation } },
  problems: ['not_found'],
  handle({ services, parameters }) {
    const found = services.revocations.get(parameters.id)
    return found ? { status: 200, body: presented(found) } : problem('not_found')
  },
})

const removeEndpoint = endpoint({
  method: 'DELETE',
  path: '/v1/revocations/{id}',
  access: ['revoke'],
  summary: 'Take a revocation back',
  replies: { 204: { description: 'Its links work again' } },
  problems: ['not_found'],
  async handle({ services: { revocations, audit }, actor, parameters: { id } }) {
    const found = revocations.get(id)
    if (!found) return problem('not_found')
    audit.append({ actor, action: 'revocation.remove', target: { ...presented(found) } })
    await revocations.remove(id)
    return { status: 204 }
  },
})

/** The path as revocations are compared: decoded, where a last segment `*` means everything below. */
function revokedPath(path: string): { readonly path: string } | { readonly why: string } {
  const isPrefix = path.endsWith('/*')
  const result = canonicalisePath(isPrefix ? `${path.slice(0, -1)}x` : path)
  if (!result.ok) return { why: `${result.why}; write it as in the URL, percent-encoded` }
  if (isPrefix) return { path: `${result.path.slice(0, -1)}*` }
  if (result.path.endsWith('/*')) {
    return { why: 'a file of the name * can only be withdrawn with all that lies beside it' }
  }
  return { path: result.path }
}

/** The id is made by adding, so the entry follows the change; without an entry there is no change. */
async function addAudited(
  { revocations, audit, clock }: AdminServices,
  actor: string,
  target: RevocationTarget,
  endDownloads: boolean,
): Promise<Revocation> {
  const added = await revocations.add(target, secondsOf(clock))
  try {
    const entry = { ...presented(added), end_downloads: endDownloads }
    audit.append({ actor, action: 'revocation.add', target: entry })
  } catch (error) {
    await revocations.remove(added.id)
    throw error
  }
  return added
}

/** As callers write it: the path percent-encoded. */
function presented(found: Revocation): Revocation {
  return found.path === undefined ? found : { ...found, path: encodePath(found.path) }
}

export const revocationEndpoints = [addEndpoint, listEndpoint, readEndpoint, removeEndpoint]
