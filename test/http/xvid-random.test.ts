import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NOW } from '../support/request-parts.ts'
import { answerOf, startXvidGateway, type XvidGateway } from '../support/xvid-gateway.ts'

let xvid: XvidGateway

beforeAll(async () => {
  xvid = await startXvidGateway()
})

afterAll(async () => {
  await xvid.gateway.close()
})

/** A value of a parameter, and what the link has to say then; undefined where the call is to be refused. */
interface Asked {
  readonly text: string
  readonly says: string | undefined
}

const asked = <T>(values: fc.Arbitrary<T>, says: (value: T) => string | undefined) =>
  values.map((value): Asked => ({ text: String(value), says: says(value) }))

const booleans = fc.oneof(
  asked(fc.boolean(), String),
  asked(fc.constantFrom('TRUE', '1', '', 'yes', ' true'), () => undefined),
)

/** By the parameter of the call: what may stand there, and the parameter of the link that says the same. */
const PARAMETERS: Readonly<Record<string, { link: string; value: fc.Arbitrary<Asked> }>> = {
  ip: {
    link: 'ip',
    value: asked(fc.integer({ min: -(2 ** 33), max: 2 ** 33 }), (ip) =>
      ip >= -(2 ** 31) && ip < 2 ** 32 ? String(ip < 0 ? ip + 2 ** 32 : ip) : undefined,
    ),
  },
  max_parallel_downloads: {
    link: 'max_parallel_downloads',
    value: asked(fc.integer({ min: -2, max: 15 }), (count) =>
      count >= 1 && count <= 10 ? String(count) : undefined,
    ),
  },
  expiry_time: {
    link: 'Expires',
    value: fc.integer({ min: -10, max: 100_000 }).map((ahead) => {
      const text = String(NOW + ahead)
      return { text, says: ahead >= 1 && ahead <= 86_400 ? text : undefined }
    }),
  },
  autograph_tag: {
    link: 'autograph_tag',
    value: asked(fc.string({ unit: 'grapheme', maxLength: 40 }), (tag) =>
      tag !== '' && Buffer.byteLength(tag) <= 64 && !/[\p{Cc}\u2028\u2029]/u.test(tag)
        ? tag
        : undefined,
    ),
  },
  anti_fraud: { link: 'anti_fraud', value: booleans },
  streaming: { link: 'streaming', value: booleans },
  multi_use: { link: 'multi_use', value: booleans },
}

const values: Readonly<Record<string, fc.Arbitrary<Asked>>> = Object.fromEntries(
  Object.entries(PARAMETERS).map(([name, { value }]) => [name, value]),
)

/** Some of the parameters in any order. */
const calls = fc
  .record(values, { requiredKeys: [] })
  .chain((record) => fc.shuffledSubarray(Object.entries(record) as [string, Asked][]))

test('a link says all that was asked for, or there is none', async () => {
  await fc.assert(
    fc.asyncProperty(calls, async (parameters) => {
      const query = parameters.map(([name, { text }]) => `&${name}=${encodeURIComponent(text)}`)
      const answer = answerOf(await xvid.call(`file_id=film${query.join('')}`))
      const isValid = parameters.every(([, { says }]) => says !== undefined)
      expect(answer.status, query.join('')).toBe(isValid ? 200 : 400)
      if (!isValid) return
      const { searchParams } = new URL((JSON.parse(answer.body) as { url: string }).url)
      for (const [name, { says }] of parameters) {
        expect(searchParams.get(PARAMETERS[name]?.link ?? name)).toBe(says)
      }
    }),
    { numRuns: 300 },
  )
})

test('no query breaks the gateway, and none but the right ones gets a link', async () => {
  const names = fc.constantFrom('file_id', 'object_key', 'format', 'ip', 'client_id', 'signature')
  const values = fc.oneof(
    fc.constantFrom('film', 'xml', '1', '%', '%00', '%C3', '__proto__', '', "'", '%26ip=1'),
    fc.string({ unit: 'binary-ascii' }).map(encodeURIComponent),
  )
  const pairs = fc.oneof(
    fc.tuple(fc.oneof(names, values), values).map((pair) => pair.join('=')),
    values,
  )
  await fc.assert(
    fc.asyncProperty(fc.array(pairs, { maxLength: 6 }), fc.boolean(), async (list, hasToken) => {
      const query = list.join('&')
      const reply = await (hasToken ? xvid.call(query) : xvid.call(query, {}))
      const known = new URLSearchParams(query)
      if (reply.status === 200) {
        expect(hasToken).toBe(true)
        expect(known.getAll('file_id')).toEqual(['film'])
        expect([...known.keys()]).not.toContain('signature')
      } else expect([400, 403, 404]).toContain(reply.status)
      if (!hasToken) expect(reply.status).toBe(403)
    }),
    { numRuns: 300 },
  )
})
