import { z } from 'zod'
import { parseStateUrl } from '../base/state-url.ts'
import { variableOf } from './check-gateway.ts'
import { choice, text } from './fields.ts'

/** Braces would choose the shard of every key of a Cluster. */
const prefix = z.string().regex(/^[A-Za-z0-9:._-]{1,64}$/, {
  error: 'expected 1 to 64 letters, digits and : . _ -',
})

const stateUrl = text.superRefine((value, context) => {
  const found = variableOf(value) === undefined ? parseStateUrl(value) : undefined
  if (typeof found === 'string') context.addIssue({ code: 'custom', message: found })
})

export const stateSchema = z
  .strictObject({
    driver: choice(['embedded', 'valkey'])
      .default('embedded')
      .describe(
        'Where counters and revocations live: in a directory of this machine, or in a Valkey or Redis that many nodes share.',
      ),
    directory: text
      .default('../data')
      .describe('Directory of the embedded state; with valkey, of what belongs to this node.'),
    url: stateUrl
      .optional()
      .describe(
        'Of the shared state: redis://, redis+sentinel://host,host/master or redis+cluster://host,host; rediss for TLS.',
      ),
    onUnavailable: choice(['deny', 'local'])
      .default('deny')
      .describe('Without the shared state, requests that need it are refused, or counted by node.'),
    prefix: prefix.default('sluice:').describe('What every key of the shared state begins with.'),
    username: text.optional().describe('User of the shared state; stands before that of the URL.'),
    password: text.optional().describe('Its password, as env:NAME; stands before that of the URL.'),
    sentinelUsername: text.optional().describe('User of the Sentinels.'),
    sentinelPassword: text.optional().describe('Password of the Sentinels, as env:NAME.'),
    ca: text
      .optional()
      .describe('PEM file with the authority of the certificates of the shared state.'),
  })
  .prefault({})
  .describe('Counters, revocations and running downloads.')

export type StateConfig = z.output<typeof stateSchema>
