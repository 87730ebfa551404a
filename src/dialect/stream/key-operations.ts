import { z } from 'zod'
import type { EpochSeconds } from '../../base/clock.ts'
import type { DialectServices } from '../services.ts'
import type { StreamOperation } from './call.ts'
import { failure, failureReply, success, successReply } from './envelope.ts'

const id = z.string().describe('The `kid` of tokens.')
const created = z.iso.datetime()

const createdKeySchema = z.object({
  id,
  pem: z.base64().describe('The private key: base64 of its PEM. Shown this once.'),
  jwk: z.base64().describe('The private key: base64 of its JWK. Shown this once.'),
  created,
})

const keyListSchema = z.array(z.object({ id, created }))

/** POST, GET and DELETE of the keys that sign tokens. */
export function keyOperations({ streamKeys }: DialectServices): StreamOperation[] {
  return [
    {
      method: 'POST',
      path: '/stream/keys',
      summary: 'Create a signing key',
      description: 'RSA, for RS256. It verifies tokens at once. A body is not read.',
      replies: {
        200: successReply('The key.', createdKeySchema),
        400: failureReply('Code 10005: there are 1,000 keys already.'),
      },
      async answer(_call, kid) {
        const key = await streamKeys.create()
        if (!key)
          return failure(400, 'Bad Request: there are as many keys as there may be', { kid })
        return success(
          {
            id: key.id,
            pem: Buffer.from(key.pem).toString('base64'),
            jwk: Buffer.from(key.jwk).toString('base64'),
            created: isoTime(key.created),
          },
          kid,
        )
      },
    },
    {
      method: 'GET',
      path: '/stream/keys',
      summary: 'List the signing keys',
      replies: { 200: successReply('The keys that this API made, oldest first.', keyListSchema) },
      async answer(_call, kid) {
        const keys = streamKeys.list()
        return success(
          keys.map((key) => ({ id: key.id, created: isoTime(key.created) })),
          kid,
        )
      },
    },
    {
      method: 'DELETE',
      path: '/stream/keys/{kid}',
      summary: 'Delete a signing key',
      description: 'Tokens that it signed are refused from then on.',
      replies: {
        200: successReply('Deleted.', z.literal('ok')),
        404: failureReply('Code 10003: this API made no such key.'),
      },
      async answer({ parameters }, kid) {
        return (await streamKeys.remove(parameters['kid'] ?? ''))
          ? success('ok', kid)
          : failure(404, 'Not Found', { kid })
      },
    },
  ]
}

function isoTime(seconds: EpochSeconds): string {
  return new Date(seconds * 1000).toISOString()
}
