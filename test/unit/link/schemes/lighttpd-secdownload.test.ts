import { createHash, createHmac, createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import type { Scheme } from '../../../../src/link/scheme.ts'
import { lighttpdSecdownload } from '../../../../src/link/schemes/lighttpd-secdownload.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { schemeWith, verdictOf } from '../../../support/link-verdict.ts'
import {
  contextOf,
  type ContextParts,
  NOW,
  SITE,
  secretKey,
} from '../../../support/request-parts.ts'

const SECRET = 'lighttpd secret'
const secret = createSecretKey(Buffer.from(SECRET))
const OWN = { schemes: new Set(['lighttpd-secdownload']) }
const KEY: Key = secretKey('K1', 0, { ...OWN, verifyKey: secret, signKey: secret })
const OTHER: Key = secretKey('K2', 2, OWN)
const TIMEOUT = 600
const TIME = NOW.toString(16)

type Options = Readonly<Record<string, unknown>>

function make(options: Options = {}): Scheme {
  return schemeWith(lighttpdSecdownload, { prefix: '/dl/', timeout: TIMEOUT, ...options })
}

function ask(options: Options, target: string, parts: ContextParts = {}): string {
  return verdictOf(make(options), [OTHER, KEY], target, parts).verdict
}

/** As the module's own documentation has it. */
function code(algorithm: string, path: string, time = TIME): string {
  if (algorithm === 'md5')
    return createHash('md5')
      .update(SECRET + path + time)
      .digest('hex')
  return createHmac(algorithm.slice('hmac-'.length), SECRET)
    .update(`/${time}${path}`)
    .digest('base64url')
}

const ALGORITHMS = ['md5', 'hmac-sha1', 'hmac-sha256'] as const

for (const algorithm of ALGORITHMS) {
  linkFormatContract(`lighttpd-secdownload with ${algorithm}`, () => ({
    scheme: make({ algorithm }),
    keys: [KEY, OTHER],
  }))
}

describe.each(ALGORITHMS)('a link with %s', (algorithm) => {
  const mac = code(algorithm, '/files/a b')

  it('opens the decoded path', () => {
    expect(ask({ algorithm }, `/dl/${mac}/${TIME}/files/a%20b`)).toBe('permit')
    expect(ask({ algorithm }, `/dl/${mac}/${TIME}/files/%61%20b`)).toBe('permit')
    expect(ask({ algorithm }, `/dl/${mac}/${TIME}/files/a+b`)).toBe('link_signature_wrong')
    expect(ask({ algorithm }, `/dl/${mac}/${TIME}/files/a%20b/c`)).toBe('link_signature_wrong')
  })

  it('lives as long after its time as before it', () => {
    const target = `/dl/${mac}/${TIME}/files/a%20b`
    const at = (now: number): string => ask({ algorithm }, target, { now })
    expect(at(NOW - TIMEOUT - 1)).toBe('link_not_yet_valid')
    expect(at(NOW - TIMEOUT)).toBe('permit')
    expect(at(NOW + TIMEOUT)).toBe('permit')
    expect(at(NOW + TIMEOUT + 1)).toBe('link_expired')
  })

  it('signs the time as it is written', () => {
    for (const time of [TIME.toUpperCase(), `0${TIME}`, TIME.slice(1), TIME.padStart(16, '0')]) {
      const signed = code(algorithm, '/files/a', time)
      const now = Number(`0x${time}`)
      expect([time, ask({ algorithm }, `/dl/${signed}/${time}/files/a`, { now })]).toEqual([
        time,
        'permit',
      ])
      if (time === TIME) continue
      const target = `/dl/${code(algorithm, '/files/a')}/${time}/files/a`
      expect([time, ask({ algorithm }, target, { now })]).toEqual([time, 'link_signature_wrong'])
    }
  })

  it('with a time that no clock reaches is malformed', () => {
    const time = 'f'.repeat(16)
    const signed = code(algorithm, '/files/a', time)
    expect(ask({ algorithm }, `/dl/${signed}/${time}/files/a`)).toBe('link_malformed')
  })

  it.each([
    ['no prefix', `/${mac}/${TIME}/files/a%20b`],
    ['another prefix', `/dx/${mac}/${TIME}/files/a%20b`],
    ['a short code', `/dl/${mac.slice(1)}/${TIME}/files/a%20b`],
    ['a long code', `/dl/${mac}a/${TIME}/files/a%20b`],
    ['a time with 17 digits', `/dl/${mac}/${TIME.padStart(17, '0')}/files/a%20b`],
    ['a time that is not hex', `/dl/${mac}/${TIME.slice(1)}g/files/a%20b`],
    ['no path', `/dl/${mac}/${TIME}`],
  ])('with %s is none', (_what, target) => {
    expect(ask({ algorithm }, target)).toBe('link_missing')
  })
})

describe('the code', () => {
  it('of md5 may be written in capitals, base64url may not vary', () => {
    const hex = code('md5', '/files/a').toUpperCase()
    expect(ask({ algorithm: 'md5' }, `/dl/${hex}/${TIME}/files/a`)).toBe('permit')
    const mac = code('hmac-sha1', '/files/a')
    // the last of 27 characters has two unused bits
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const varied = mac.slice(0, -1) + (last[last.indexOf(mac.at(-1) ?? '') + 1] ?? '')
    expect(ask({ algorithm: 'hmac-sha1' }, `/dl/${varied}/${TIME}/files/a`)).toBe('link_malformed')
  })

  it('of one algorithm does not count for another', () => {
    for (const algorithm of ALGORITHMS) {
      for (const other of ALGORITHMS) {
        const result = ask({ algorithm }, `/dl/${code(other, '/files/a')}/${TIME}/files/a`)
        expect([algorithm, other, result]).toEqual([
          algorithm,
          other,
          algorithm === other ? 'permit' : 'link_missing',
        ])
      }
    }
  })
})

describe('the query', () => {
  const target = (path: string, query: string): string =>
    `/dl/${code('hmac-sha256', path)}/${TIME}/files/a${query}`

  it('is free unless it is hashed', () => {
    expect(ask({}, target('/files/a', '?x=1'))).toBe('permit')
    expect(ask({ hashQuerystr: true }, target('/files/a', '?x=1'))).toBe('link_signature_wrong')
    expect(ask({ hashQuerystr: true }, target('/files/a?x=1', '?x=1'))).toBe('permit')
    expect(ask({ hashQuerystr: true }, target('/files/a?x=1', '?x=2'))).toBe('link_signature_wrong')
    expect(ask({ hashQuerystr: true }, target('/files/a?x=1', ''))).toBe('link_signature_wrong')
  })

  it('that is empty is none', () => {
    expect(ask({ hashQuerystr: true }, target('/files/a', '?'))).toBe('permit')
  })

  it('stands before the time in the hash of md5', () => {
    const options = { algorithm: 'md5', hashQuerystr: true }
    const mac = code('md5', '/files/a?x=1')
    expect(ask(options, `/dl/${mac}/${TIME}/files/a?x=1`)).toBe('permit')
  })
})

describe('path segments', () => {
  const options = { pathSegments: 2 }
  const link = (signed: string, path: string): string =>
    `/dl/${code('hmac-sha256', signed)}/${TIME}${path}`

  it('open what lies below them, as one link that is remembered', () => {
    const scheme = make(options)
    const verifier = new LinkVerifier([scheme], new KeyRing([KEY]))
    const grants = ['/files/shows/a', '/files/shows/1/b', '/files/shows/c'].map((path) => {
      const target = link('/files/shows', path)
      expect([path, ask(options, target)]).toEqual([path, 'permit'])
      const verified = verifier.verify(contextOf(target, { scheme }))
      return verified.outcome === 'granted' && verified.grant
    })
    expect(grants[2]).toBe(grants[1])
    expect(ask(options, link('/files/shows', '/files/showsx/a'))).toBe('link_signature_wrong')
    expect(ask(options, link('/files/shows', '/files/other/a'))).toBe('link_signature_wrong')
  })

  it('sign the whole of a shorter path', () => {
    expect(ask(options, link('/files', '/files'))).toBe('permit')
    expect(ask(options, link('/files', '/files/a'))).toBe('link_signature_wrong')
    expect(ask({ pathSegments: 3 }, link('/files/a', '/files/a'))).toBe('permit')
  })

  it('cannot be left by a path that means another one', () => {
    const scheme = make(options)
    const context = contextOf(link('/files/shows', '/files/shows/a'), { scheme })
    for (const path of ['/files/shows/../x', '/files/shows/%2e%2E/x', '/files/shows/..%2fx']) {
      const target = { ...context.target, rawPath: link('/files/shows', path) }
      const verified = new LinkVerifier([scheme], new KeyRing([KEY])).verify({ ...context, target })
      expect([path, verified.outcome]).toEqual([path, 'refused'])
    }
  })

  it('are minted for a prefix of that depth and for nothing else', () => {
    const sign = (path: string): string => {
      const link = make(options).sign(
        { path, expiresAt: NOW + 60, constraints: {}, site: SITE },
        KEY,
      )
      return 'reason' in link ? link.reason : link.target
    }
    expect(ask(options, `${sign('/files/shows/*')}1/a`)).toBe('permit')
    for (const path of ['/files/*', '/files/shows/1/*', '/files/shows', '/files/shows/a']) {
      expect([path, sign(path)]).toEqual([path, 'link_constraint_unsupported'])
    }
    expect(ask(options, sign('/files'))).toBe('permit')
  })
})

it('another secret, or none, opens nothing', () => {
  const target = `/dl/${code('hmac-sha256', '/files/a')}/${TIME}/files/a`
  for (const [keys, verdict] of [
    [[OTHER], 'link_signature_wrong'],
    [[], 'link_key_unknown'],
  ] as const) {
    expect(verdictOf(make(), keys, target)).toEqual({ verdict })
  }
})
