import { spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { importJWK, jwtVerify, type JWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { replayVector, type Vector } from '../../../src/operator/replay-vector.ts'

const folder = new URL('../../vectors/', import.meta.url)
const HMAC = load('sluice-hmac.json')
const JWT = load('sluice-jwt.json')

function load(name: string): readonly Vector[] {
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Vector[]
}

function secretOf(vector: Vector, kid: string): Buffer | undefined {
  const key = vector.keys.find((candidate) => candidate.id === kid)
  if (key?.type !== 'secret' || typeof key.value !== 'string') return undefined
  return Buffer.from(key.value, key.encoding as BufferEncoding)
}

function tokenOf({ url, cookies, headers }: Vector): string | undefined {
  return (
    /[?&]token=([^&]*)/.exec(url)?.[1] ??
    /^\/~([^/]*)/.exec(url)?.[1] ??
    cookies?.['sluice_token'] ??
    /bearer (.*)|sluice_token=([^;]*)/i
      .exec(Object.values(headers ?? {}).join())
      ?.slice(1)
      .join('')
  )
}

describe.each([
  ['sluice-hmac', HMAC, 60, 40],
  ['sluice-jwt', JWT, 100, 40],
] as const)('the vectors of %s', (_format, vectors, refused, allowed) => {
  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
    expect(replayVector(vector)).toBeUndefined()
  })

  it('cover both outcomes, and every refused row names its public code', () => {
    expect(vectors.filter((vector) => vector.expect === 'allow').length).toBeGreaterThan(allowed)
    const denied = vectors.filter((vector) => vector.expect === 'deny')
    expect(denied.length).toBeGreaterThan(refused)
    expect(denied.filter((vector) => vector.code === undefined)).toEqual([])
  })

  it('fail when the expectation is turned round', () => {
    for (const vector of vectors) {
      const turned = { ...vector, expect: vector.expect === 'allow' ? 'deny' : 'allow' } as const
      expect([vector.name, replayVector(turned)]).toEqual([
        vector.name,
        expect.stringContaining('expected'),
      ])
    }
  })
})

it('every allowed HMAC row carries the MAC of the formula, computed by node:crypto', () => {
  for (const vector of HMAC.filter((row) => row.expect === 'allow')) {
    const target = vector.url.replace(/^http:\/\/[^/]+/, '')
    const mark = target.lastIndexOf('&Signature=')
    const [signature] = target.slice(mark + '&Signature='.length).split('&')
    const kid = /[?&]KeyId=([^&]*)/.exec(target)?.[1] ?? ''
    const mac = createHmac('sha256', secretOf(vector, kid) ?? '')
      .update(target.slice(0, mark), 'latin1')
      .digest('base64url')
    expect([vector.name, signature]).toEqual([vector.name, mac])
  }
})

it('every allowed JWT row verifies with jose', async () => {
  for (const vector of JWT.filter((row) => row.expect === 'allow')) {
    const token = tokenOf(vector) ?? ''
    const { kid = 'hs' } = JSON.parse(
      Buffer.from(token.split('.')[0] ?? '', 'base64url').toString(),
    ) as {
      kid?: string
    }
    const key = vector.keys.find((candidate) => candidate.id === kid)
    const usable =
      key?.type === 'jwk'
        ? await importJWK(key.value as JWK, key.alg)
        : (secretOf(vector, kid) ?? Buffer.alloc(0))
    const outcome = await jwtVerify(token, usable, {
      currentDate: new Date(vector.now * 1000),
    }).then(() => 'holds', String)
    expect([vector.name, outcome]).toEqual([vector.name, 'holds'])
  }
})

it('rows about claims and headers carry a signature that holds, so that it is not what refuses them', () => {
  const about = JWT.filter(
    (row) =>
      /^(?:the claim|exp is|nbf is|iat is|sub|typ|the payload is|the header is|aud|a header with|the route names)/.test(
        row.name,
      ) && !row.name.includes('signed with a key of the attacker'),
  )
  expect(about.length).toBeGreaterThan(200)
  for (const vector of about) {
    const token = tokenOf(vector) ?? ''
    const signed = token.slice(0, token.lastIndexOf('.'))
    const mac = createHmac('sha256', secretOf(vector, 'hs') ?? '')
      .update(signed)
      .digest('base64url')
    expect([vector.name, token]).toEqual([vector.name, `${signed}.${mac}`])
  }
})

const hasOpenssl = spawnSync('openssl', ['version']).status === 0 || process.env['CI'] !== undefined

it.skipIf(!hasOpenssl)(
  'the committed files are what make-vectors.mjs makes (needs openssl)',
  { timeout: 60_000 },
  () => {
    const script = fileURLToPath(new URL('make-vectors.mjs', folder))
    const run = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
    expect(run.stderr).toBe('')
    expect(run.status).toBe(0)
  },
)
