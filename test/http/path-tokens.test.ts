import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { SchemeDefinition } from '../../src/link/definition.ts'
import { KeyRing } from '../../src/link/key-ring.ts'
import type { Scheme } from '../../src/link/scheme.ts'
import { schemeDefinition } from '../../src/link/schemes/registry.ts'
import { LinkVerifier } from '../../src/link/verify-link.ts'
import type { Vector } from '../../src/operator/replay-vector.ts'
import { vectorKey } from '../../src/operator/vector-key.ts'
import { cutTarget } from '../../src/request/request-target.ts'
import { eventually } from '../support/eventually.ts'
import { handleRoutes, listenWith } from '../support/handled-routes.ts'
import { send } from '../support/http-client.ts'
import { MemoryOrigin } from '../support/memory-origin.ts'
import { policyOf } from '../support/request-parts.ts'

const folder = new URL('../vectors/', import.meta.url)
const FORMATS = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && name !== 'keys.json')
  .map((name) => name.replace('.json', ''))

interface PathLink {
  readonly vector: Vector
  readonly scheme: Scheme
  /** Path and query, as sent. */
  readonly target: string
  /** What of the path is no path of an object. */
  readonly secrets: readonly string[]
}

/** The good links of a format that carry a token in their path. */
function* pathLinks(definition: SchemeDefinition, vectors: readonly Vector[]): Generator<PathLink> {
  for (const vector of vectors) {
    const { seen: _seen, ...config } = vector.config ?? {}
    const options = definition.options.safeParse({
      ...config,
      ...(vector.variant !== undefined &&
        'variant' in definition.options.shape && { variant: vector.variant }),
    })
    if (vector.expect !== 'allow' || !options.success) continue
    const scheme = definition.create(options.data, { isIgnored: () => false })
    const { rawPath, rawQuery } = cutTarget(vector.url)!
    const behind = scheme.cutPath?.(rawPath)
    if (behind === undefined) continue
    const kept = behind.split('/')
    const secrets = rawPath
      .split('/')
      .filter((segment) => !kept.includes(segment) && segment.length >= 12)
    const target = rawQuery === undefined ? rawPath : `${rawPath}?${rawQuery}`
    if (secrets.length > 0) yield { vector, scheme, target, secrets }
  }
}

/** The same target with a character in the middle of the token changed. */
function forged(target: string, [token = '']: readonly string[]): string {
  const at = target.indexOf(token) + Math.floor(token.length / 2)
  return target.slice(0, at) + (target[at] === '0' ? '1' : '0') + target.slice(at + 1)
}

async function recordOf({ vector, scheme }: PathLink, target: string): Promise<string> {
  const keys = new KeyRing(vector.keys.map((key) => vectorKey(key, vector.format)))
  const handled = handleRoutes([
    {
      path: '/',
      originName: 'memory',
      origin: new MemoryOrigin({}),
      policy: policyOf(),
      verifier: new LinkVerifier([scheme], keys),
    },
  ])
  handled.clock.advance(vector.now - handled.clock.now() / 1000)
  const server = await listenWith(handled)
  await send(server, target, { headers: { Referer: 'https://page.example/' } })
  await eventually('recorded', () => handled.records.length === 1)
  server.close()
  return JSON.stringify({ ...handled.records[0], link_id: null })
}

const carriers = FORMATS.flatMap((format) => {
  const definition = schemeDefinition(format)
  const vectors = JSON.parse(
    readFileSync(new URL(`${format}.json`, folder), 'utf8'),
  ) as readonly Vector[]
  const links = definition ? [...pathLinks(definition, vectors)] : []
  return links.length > 0 ? [[format, links] as const] : []
})

describe('no record holds a token that stood in a path', () => {
  it('of any format that has such tokens', () => {
    expect(carriers.map(([format]) => format)).toEqual(
      expect.arrayContaining(['sluice-jwt', 'lighttpd-secdownload', 'bunny']),
    )
  })

  it.each(carriers)('%s', async (_format, links) => {
    for (const link of links.slice(0, 12)) {
      for (const target of [link.target, forged(link.target, link.secrets)]) {
        const record = await recordOf(link, target)
        const leaks = link.secrets.flatMap((secret) =>
          Array.from({ length: secret.length - 11 }, (_, at) => secret.slice(at, at + 12)).filter(
            (run) => record.includes(run),
          ),
        )
        expect([link.vector.name, target, leaks]).toEqual([link.vector.name, target, []])
      }
    }
  })
})
