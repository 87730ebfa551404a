import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { type Reply, send } from '../support/http-client.ts'
import { type JoseSigner, makeJoseSigner } from '../support/jose-links.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const body = Buffer.from('what the link opens\n')
const PATH = '/files/dir/a.bin'

let gateway: TestGateway
let origin: GatedOrigin
let signers: JoseSigner[]
let jose: JoseSigner
let token: string
let known: number

beforeAll(async () => {
  origin = await GatedOrigin.start(body)
  origin.open()
  signers = await Promise.all(
    ['ES256', 'RS256', 'PS256', 'ES384', 'ES512', 'RS512'].map((alg) => makeJoseSigner(alg)),
  )
  jose = signers[0] as JoseSigner
  gateway = await startTestGateway({
    keys: signers.map((signer) => signer.jwk),
    config: {
      origins: { plain: { type: 'http', url: origin.url, headers: { 'x-own': 'credential' } } },
    },
    routes: [
      { path: '/files/', origin: 'plain', schemes: ['sluice-hmac', 'sluice-jwt'] },
      { path: '/hmac/', origin: 'plain', schemes: ['sluice-hmac'] },
      { path: '/jwt/', origin: 'plain', schemes: ['sluice-jwt'] },
      {
        path: '/issued/',
        origin: 'plain',
        schemes: [{ name: 'sluice-jwt', issuer: 'https://idp.example', audience: 'downloads' }],
      },
    ],
  })
  token = await jose.token(PATH)
})

beforeEach(() => {
  known = origin.server.heads.length
})

afterAll(async () => {
  await gateway.close()
  await origin.stop()
})

function expectServed(reply: Reply): void {
  expect({ status: reply.status, body: reply.body.toString() }).toEqual({
    status: 200,
    body: body.toString(),
  })
}

function expectInvalid(reply: Reply): void {
  expectProblem(reply, 403, 'link_invalid')
  expect(origin.server.heads.length).toBe(known)
}

const carriers = [
  { carrier: 'the query', ask: (jwt: string) => send(gateway, `${PATH}?token=${jwt}`) },
  { carrier: 'the first path segment', ask: (jwt: string) => send(gateway, `/~${jwt}${PATH}`) },
  {
    carrier: 'a cookie',
    ask: (jwt: string) =>
      send(gateway, PATH, { headers: { cookie: `a=b; sluice_token=${jwt}; c=d` } }),
  },
  {
    carrier: 'Authorization: Bearer',
    ask: (jwt: string) => send(gateway, PATH, { headers: { authorization: `Bearer ${jwt}` } }),
  },
]

describe.each(carriers)('a token in $carrier', ({ ask }) => {
  test('opens the object', async () => {
    expectServed(await ask(token))
  })

  test('is refused when it is forged, for another object or signed by nobody', async () => {
    const [head = '', payload = '', signature = ''] = token.split('.')
    const other = await jose.token('/files/dir/b.bin')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    for (const bad of [
      `${head}.${payload}.${signature.slice(0, -4)}AAAA`,
      `${head}.${other.split('.')[1]}.${signature}`,
      `${none}.${payload}.`,
      other,
      'no-token',
    ]) {
      expectInvalid(await ask(bad))
    }
  })
})

describe('tokens', () => {
  test('of every asymmetric algorithm that jose signs are accepted', async () => {
    for (const signer of signers) {
      expectServed(await send(gateway, `${PATH}?token=${await signer.token(PATH)}`))
    }
  })

  test('a prefix opens what lies below it and nothing beside it', async () => {
    const prefix = await jose.token('/files/dir/*')
    expectServed(await send(gateway, `/~${prefix}${PATH}`))
    expectServed(await send(gateway, `/~${prefix}/files/dir/deep/b.bin`))
    known = origin.server.heads.length
    expectInvalid(await send(gateway, `/~${prefix}/files/directory/a.bin`))
    expectInvalid(await send(gateway, `/~${prefix}/files/dir`))
  })

  test('the key is chosen by kid, its algorithm is its own', async () => {
    const confused = await jose.token(PATH, {}, { kid: 'jose-rs256' })
    expectInvalid(await send(gateway, `${PATH}?token=${confused}`))
    const hmacKey = await jose.token(PATH, {}, { kid: gateway.kid })
    expectInvalid(await send(gateway, `${PATH}?token=${hmacKey}`))
  })

  test('issuer and audience are those of the route', async () => {
    const path = '/issued/a.bin'
    const good = { iss: 'https://idp.example', aud: ['other', 'downloads'] }
    expectServed(await send(gateway, `${path}?token=${await jose.token(path, good)}`))
    known = origin.server.heads.length
    for (const claims of [
      {},
      { iss: good.iss },
      { aud: 'downloads' },
      { iss: good.iss, aud: 'other' },
      { iss: 'https://evil.example', aud: 'downloads' },
    ]) {
      expectInvalid(await send(gateway, `${path}?token=${await jose.token(path, claims)}`))
    }
  })

  test('/~TOKEN counts as the first segment only', async () => {
    const misplaced = await jose.token('/files/a.bin', { jti: 'misplaced' })
    expectProblem(await send(gateway, `/files/~${misplaced}/a.bin`), 401, 'link_missing')
  })
})

describe('two links in one request are refused, though both are good', () => {
  test.each(carriers.flatMap((first, i) => carriers.slice(i).map((second) => ({ first, second }))))(
    '$first.carrier and $second.carrier',
    async ({ first, second }) => {
      const places = new Set([first.carrier, second.carrier])
      const twice = first === second
      const cookie = `sluice_token=${token}${twice ? `; sluice_token=${token}` : ''}`
      const query = `?token=${token}${twice && places.has('the query') ? `&token=${token}` : ''}`
      const reply = await send(
        gateway,
        (places.has('the first path segment') ? `/~${token}` : '') +
          PATH +
          (places.has('the query') || (twice && places.has('the first path segment')) ? query : ''),
        {
          headers: {
            ...(places.has('a cookie') && { cookie }),
            ...(places.has('Authorization: Bearer') && {
              authorization: `Bearer ${token}`,
              ...(twice && { cookie }),
            }),
          },
        },
      )
      expectInvalid(reply)
    },
  )

  test('an HMAC link and a token', async () => {
    const link = gateway.sign(PATH)
    expectInvalid(await send(gateway, link, { headers: { authorization: `Bearer ${token}` } }))
    expectInvalid(await send(gateway, `/~${token}${link}`))
    const reply = await send(gateway, link, { headers: { cookie: `sluice_token=${token}` } })
    expectInvalid(reply)
  })
})

describe('schemes that a route does not list are as if absent', () => {
  test('a token on a route for HMAC links', async () => {
    const jwt = await jose.token('/hmac/a.bin')
    expectProblem(await send(gateway, `/hmac/a.bin?token=${jwt}`), 401, 'link_missing')
    const headers = { authorization: `Bearer ${jwt}`, cookie: `sluice_token=${jwt}` }
    expectServed(await send(gateway, gateway.sign('/hmac/a.bin'), { headers }))
  })

  test('an HMAC link on a route for tokens', async () => {
    expectProblem(await send(gateway, gateway.sign('/jwt/a.bin')), 401, 'link_missing')
  })

  test('links of the CDNs', async () => {
    const later = Math.floor(Date.now() / 1000) + 600
    for (const query of [
      `Expires=${later}&Signature=c2lnbmF0dXJl&Key-Pair-Id=APKA`,
      `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00&X-Amz-Expires=600`,
      `md5=c2lnbmF0dXJl&expires=${later}`,
      `hdnts=exp=${later}~acl=/*~hmac=00`,
      `URLPrefix=aHR0&Expires=${later}&KeyName=k&Signature=x`,
    ]) {
      expect([401, 403], query).toContain((await send(gateway, `${PATH}?${query}`)).status)
    }
    expect(origin.server.heads.length).toBe(known)
  })
})

describe('an HMAC link', () => {
  test('that the openssl command line signed is accepted', async () => {
    const expires = Math.floor(Date.now() / 1000) + 600
    const signed = `${PATH}?filename=r%C3%A9sum%C3%A9.bin&Expires=${expires}&KeyId=${gateway.kid}`
    const hexKey = `hexkey:${gateway.secret.toString('hex')}`
    const digest = execFileSync(
      'openssl',
      ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', hexKey, '-binary'],
      { input: signed },
    )
    const reply = await send(gateway, `${signed}&Signature=${digest.toString('base64url')}`)
    expectServed(reply)
    expect(reply.headers['content-disposition']).toBe(
      `attachment; filename="resume.bin"; filename*=UTF-8''r%C3%A9sum%C3%A9.bin`,
    )
  })

  test('is still good when others append ignored parameters', async () => {
    const link = gateway.sign(PATH)
    expectServed(await send(gateway, `${link}&utm_source=mail&fbclid=x&gclid=y&utm_=z`))
    known = origin.server.heads.length
    for (const more of ['&utm=x', '&Signature=x', '&utm_source=mail&Expires=1', '&', '&=']) {
      expectInvalid(await send(gateway, link + more))
    }
  })

  test('is over the exact bytes: another order, encoding or place is refused', async () => {
    const link = gateway.sign(PATH, { jti: 'a', filename: 'b' })
    expectServed(await send(gateway, link))
    known = origin.server.heads.length
    expectInvalid(await send(gateway, link.replace('jti=a&filename=b', 'filename=b&jti=a')))
    expectInvalid(await send(gateway, link.replace('jti=a', 'jti=%61')))
    expectInvalid(await send(gateway, link.replace('a.bin', '%61.bin')))
    expectInvalid(await send(gateway, link.replace('?', '?utm_source=mail&')))
  })
})

test('nothing of a link, and nothing of the client, reaches an HTTP origin', async () => {
  const link = gateway.sign(PATH, { jti: 'secret-id', subject: 'ann' })
  const headers = {
    cookie: 'session=1; other=2',
    referer: 'https://shop.example/?basket=1',
    'x-forwarded-for': '203.0.113.7',
    'user-agent': 'curl/8',
    'accept-language': 'de',
    origin: 'https://shop.example',
    'x-own': 'from the client',
    'if-none-match': '"x"',
  }
  expectServed(await send(gateway, `${link}&utm_source=mail`, { headers }))
  for (const { ask } of carriers) expectServed(await ask(token))
  const sent = origin.server.heads.slice(known)
  expect(sent.length).toBeGreaterThanOrEqual(5)
  const allowed = /^(host|user-agent|accept|accept-encoding|connection|range|if-match|x-own)$/
  for (const head of sent) {
    const [first = '', ...lines] = head.trimEnd().split('\r\n')
    expect(first).toMatch(/^(GET|HEAD) \/dir\/a\.bin HTTP\/1\.1$/)
    for (const line of lines) expect(line.split(':')[0]?.toLowerCase()).toMatch(allowed)
    expect(head).toMatch(/\r\nx-own: credential\r\n/i)
    for (const secret of [token, 'curl', 'shop', 'session', '203.0.113.7', 'secret-id', 'ann']) {
      expect(head).not.toContain(secret)
    }
  }
})

test('no token is in the log, wherever it stood', async () => {
  await send(gateway, `/~${token}/elsewhere/a.bin`)
  await send(gateway, `/~${token}/hmac/a.bin`)
  await send(gateway, `/~${token}/files/../a.bin`)
  await send(gateway, `/~${token}`)
  await send(gateway, '/files/last.bin', {
    headers: { referer: `https://x.example/?token=${token}` },
  })
  let log = ''
  await eventually('the last record is written', () => {
    log = readFileSync(join(gateway.directory, 'access.jsonl'), 'utf8')
    return log.includes('/files/last.bin')
  })
  for (const secret of [...token.split('.').slice(1), 'Signature=']) {
    const lines = log.split('\n').filter((line) => line.includes(secret))
    expect(lines.slice(0, 3)).toEqual([])
  }
})
