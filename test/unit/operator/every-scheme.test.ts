import { describe, expect, it } from 'vitest'
import { keyMaterial } from '../../../src/config/key-material.ts'
import { newKey, usualAlgorithm } from '../../../src/config/generate.ts'
import { keyOf } from '../../../src/config/key-of.ts'
import { RouteTable } from '../../../src/http/route.ts'
import type { SchemeDefinition } from '../../../src/link/definition.ts'
import { KeyRing } from '../../../src/link/key-ring.ts'
import { schemeDefinition, SCHEMES } from '../../../src/link/schemes/registry.ts'
import { LinkVerifier } from '../../../src/link/verify-link.ts'
import { inspectLink } from '../../../src/operator/inspect-link.ts'
import { type MintedLink, mintLink } from '../../../src/operator/mint-link.ts'
import { makeDesk, type TestDesk } from '../../support/link-desk.ts'
import { MemoryOrigin } from '../../support/memory-origin.ts'
import { NO_SIGHTINGS } from '../../../src/base/sightings.ts'
import { NOW, policyOf } from '../../support/request-parts.ts'

interface Sample {
  readonly path?: string
  readonly kid?: string
  readonly expires_in?: number
  readonly ip?: string
}

/** What formats ask of a link that others do not. */
const SAMPLES: Readonly<Record<string, Sample>> = {
  'swift-tempurl': { path: '/v1/AUTH_a/films/a.mp4' },
  'nginx-secure-link': { ip: '192.0.2.1' },
  'lighttpd-secdownload': { expires_in: 60 },
  'ats-url-sig': { kid: '0' },
}

/** Formats that are minted by their vendor alone, or not without a key of another kind beside. */
const NOT_MINTED = ['dashif-wmt', 'imgproxy']

/** A desk whose route takes one format with its defaults, with a new key of the kid that fits it. */
function deskFor(definition: SchemeDefinition, { kid = 'k1', path = '/files/' }: Sample): TestDesk {
  const { name } = definition
  const alg = usualAlgorithm([name])
  if (!alg) throw new Error(`no key fits ${name}`)
  const material = keyMaterial(newKey({ alg, schemes: [name], kid }), '')
  if (!('kid' in material)) throw new Error(material.map(({ message }) => message).join())
  const keys = new KeyRing([keyOf(material)])
  const scheme = definition.create(definition.options.parse({}), { isIgnored: () => false })
  const desk = makeDesk()
  const route = {
    path: path.replace(/[^/]*$/, ''),
    originName: 'memory',
    origin: new MemoryOrigin({}),
    verifier: new LinkVerifier([scheme], keys),
    policy: policyOf(),
  }
  return { ...desk, keys, routes: new RouteTable([route]) }
}

const NO_HISTORY = {
  revocation: () => undefined,
  isResumable: () => false,
  firstAddress: undefined,
  sightings: () => NO_SIGHTINGS,
  spent: 0,
}

/** What a client sends beside the URL. */
function headersOf({ cookies = {}, headers = {} }: MintedLink): Record<string, string> {
  const pairs = Object.entries(cookies).map(([name, value]) => `${name}=${value}`)
  return { ...headers, ...(pairs.length > 0 && { cookie: pairs.join('; ') }) }
}

describe.each(
  SCHEMES.filter(({ name }) => !NOT_MINTED.includes(name)).map(
    (definition) => [definition.name, definition] as const,
  ),
)('with its defaults and a key made for it, %s', (name, definition) => {
  const sample = SAMPLES[name] ?? {}
  const { path = '/files/a%20b.mp4', kid = 'k1', expires_in = 3600, ip } = sample
  const desk = deskFor(definition, sample)
  const mint = (): MintedLink => {
    const link = mintLink(desk, { path, expires_in, ip }, 'json')
    if ('field' in link) throw new Error(`${link.field}: ${link.message}`)
    return link
  }

  it('mints a link that would be let in', async () => {
    const link = mint()
    expect(link).toMatchObject({ scheme: name, kid })
    expect(link.expires_at).toBeGreaterThan(NOW)
    expect(link.expires_at).toBeLessThanOrEqual(NOW + expires_in)
    const found = await inspectLink(desk, () => NO_HISTORY, {
      url: link.url,
      as: { ip: '192.0.2.1', headers: headersOf(link) },
    })
    expect(found).toMatchObject({ decision: 'permit', link: { scheme: name } })
  })

  it('would be refused once it has ended', async () => {
    const link = mint()
    const found = await inspectLink(desk, () => NO_HISTORY, {
      url: link.url,
      as: { ip: '192.0.2.1', headers: headersOf(link), time: NOW + 2 * 86_400 },
    })
    expect(found.decision).not.toBe('permit')
  })

  it('says what was signed when the signature does not hold', async () => {
    const link = mint()
    const other = { ...desk, ...deskFor(definition, sample) }
    const found = await inspectLink(other, () => NO_HISTORY, {
      url: link.url,
      as: { ip: '192.0.2.1', headers: headersOf(link) },
    })
    expect(found).toMatchObject({
      decision: 'deny',
      code: 'link_invalid',
      link: { scheme: name },
    })
    expect(found.link?.canonical).toMatch(/./)
  })
})

it.each(NOT_MINTED)('%s says why it mints nothing', (name) => {
  const definition = schemeDefinition(name)
  if (!definition) throw new Error(name)
  const link = mintLink(deskFor(definition, {}), { path: '/files/a', expires_in: 60 }, 'json')
  expect(link).toMatchObject({ field: expect.any(String) as string })
})
