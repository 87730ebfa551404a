import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { secondsOf } from '../../base/clock.ts'
import { choice } from '../../config/fields.ts'
import { KeyFileError } from '../../config/key-files.ts'
import { keyMaterial } from '../../config/key-material.ts'
import { ALGORITHM_NAMES, ALGORITHMS, jwkSchema } from '../../config/key-schema.ts'
import { KEY_SCHEME_NAMES } from '../../config/scheme-names.ts'
import { endpoint, type Outcome } from '../endpoint.ts'
import { epochSeconds, named } from '../named-schemas.ts'
import { type FieldError, invalid, problem } from '../problem.ts'
import { fieldName } from '../read-input.ts'
import type { KeyInfo } from '../services.ts'

const newKey = named(
  'NewKey',
  z.strictObject({
    alg: choice(ALGORITHM_NAMES),
    schemes: z.array(choice(KEY_SCHEME_NAMES)).min(1),
    kid: jwkSchema.shape.kid.optional().meta({ description: 'Default: a random one.' }),
    not_before: epochSeconds
      .optional()
      .meta({ description: 'Epoch seconds; let every reader have the key before it signs.' }),
  }),
)

const key = named(
  'Key',
  z.object({
    kid: z.string(),
    alg: z.string(),
    schemes: z.array(z.string()),
    not_before: epochSeconds.nullable(),
    retire_at: epochSeconds.nullable(),
    active: z.boolean().meta({ description: 'It verifies now.' }),
    signs: z.boolean().meta({ description: 'Its private half is here.' }),
  }),
)

const listEndpoint = endpoint({
  method: 'GET',
  path: '/v1/keys',
  access: ['read', 'keys'],
  summary: 'List the keys in force',
  replies: {
    200: {
      description: 'The keys without their bytes',
      schema: named('Keys', z.object({ keys: z.array(key) })),
    },
  },
  handle: ({ services }) => ({ status: 200, body: { keys: services.keys.list().map(presented) } }),
})

const createEndpoint = endpoint({
  method: 'POST',
  path: '/v1/keys',
  access: ['keys'],
  summary: 'Make a key',
  description: 'New links are signed with the active key that became active last.',
  body: newKey,
  replies: { 201: { description: 'The key is in force', schema: key } },
  problems: ['key_conflict'],
  handle({ services: { keys, audit, clock }, actor, body }) {
    const { alg, schemes, kid = newKid(clock.now()), not_before } = body
    const errors = [...misfits(alg, schemes)]
    if (keys.list().some((known) => known.kid === kid)) {
      errors.push({ field: 'kid', message: `there is a key with the kid ${kid} already` })
    }
    if (errors.length > 0) return invalid(errors)
    const options = { alg, schemes, kid, ...(not_before !== undefined && { not_before }) }
    audit.append({ actor, action: 'key.create', target: options })
    return changed(async () => ({ status: 201, body: presented(await keys.create(options)) }))
  },
})

const retireEndpoint = endpoint({
  method: 'POST',
  path: '/v1/keys/{kid}/retire',
  access: ['keys'],
  summary: 'Set when a key stops signing and verifying',
  description: 'Links that it signed are refused from then on.',
  body: named(
    'Retirement',
    z.strictObject({ at: epochSeconds.optional().meta({ description: 'Default: now.' }) }),
  ),
  replies: { 200: { description: 'The key with its end', schema: key } },
  problems: ['not_found', 'key_conflict'],
  handle({ services: { keys, audit, clock }, actor, parameters: { kid }, body }) {
    const { at = secondsOf(clock) } = body
    const known = keys.list().find((candidate) => candidate.kid === kid)
    if (!known) return problem('not_found')
    if (known.notBefore !== undefined && at <= known.notBefore) {
      const message = `the key may be used from ${known.notBefore} on and cannot retire before that`
      return invalid([{ field: 'at', message }])
    }
    audit.append({ actor, action: 'key.retire', target: { kid, at } })
    return changed(async () => {
      const retired = await keys.retire(kid, at)
      return retired ? { status: 200, body: presented(retired) } : problem('not_found')
    })
  },
})

/** What the key loader would refuse of the pair, asked of a key that has no bytes yet. */
function* misfits(
  alg: z.output<typeof newKey>['alg'],
  schemes: z.output<typeof newKey>['schemes'],
): Generator<FieldError> {
  const findings = keyMaterial({ kty: ALGORITHMS[alg].kty, kid: 'new', alg, schemes }, '')
  if ('kid' in findings) return
  for (const { path, message } of findings) {
    if (path[0] === 'schemes') yield { field: fieldName(path), message }
  }
}

/** The name that an audit entry needs before there is a key. */
function newKid(now: number): string {
  return `${new Date(now).toISOString().slice(0, 7)}-${randomBytes(3).toString('hex')}`
}

async function changed(change: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await change()
  } catch (error) {
    if (error instanceof KeyFileError) return problem('key_conflict', { detail: error.message })
    throw error
  }
}

function presented(info: KeyInfo): z.output<typeof key> {
  const { kid, alg, schemes, notBefore, retireAt, active, signs } = info
  return {
    kid,
    alg,
    schemes: [...schemes],
    not_before: notBefore ?? null,
    retire_at: retireAt ?? null,
    active,
    signs,
  }
}

export const keyEndpoints = [listEndpoint, createEndpoint, retireEndpoint]
