import { createHmac, createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../../src/base/address.ts'
import { type Grant, covers } from '../../../../src/link/grant.ts'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import { azureSas, AzureSas, type AzureSasOptions } from '../../../../src/link/schemes/azure-sas.ts'
import type { Found } from '../../../../src/link/scheme.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import { decide } from '../../../../src/policy/decide.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import {
  contextOf,
  type ContextParts,
  historyOf,
  NOW,
  policyOf,
  SITE,
  secretKey,
} from '../../../support/request-parts.ts'

const SCHEME = new Set(['azure-sas'])
const USER = '11111111-2222-4333-8444-555555555555'
const KEY = secretKey('account-1', 1, { schemes: SCHEME })
const USER_KEY = secretKey(USER, 3, { schemes: SCHEME })
const SE = '2027-01-15T09:00:00Z'
const ACCOUNT = { account: 'acct' }

linkFormatContract('azure-sas', () => ({
  scheme: new AzureSas(ACCOUNT),
  keys: [KEY, secretKey('account-2', 2, { schemes: SCHEME })],
  folder: '/media/',
  narrow: ({ ip, ...rest }) => {
    const network = ip?.find(({ first }) => first.family === 4)
    return { ...rest, ...(network && { ip: [network] }) }
  },
}))

interface Signed {
  /** The lines of the signed text. */
  readonly lines: readonly string[]
  readonly key?: Key
}

/** A link signed by the formula, whatever its parameters say. */
function linkOf(path: string, query: Readonly<Record<string, string>>, signed: Signed): string {
  const sig = createHmac('sha256', (signed.key ?? KEY).verifyKey)
    .update(signed.lines.join('\n'))
    .digest('base64')
  const pairs = Object.entries({ ...query, sig })
  return `${path}?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`
}

function service(
  resource: string,
  values: Readonly<Record<string, string>> = {},
  path = '/media/video/film.mp4',
): string {
  const query = { sv: '2022-11-02', se: SE, sr: 'b', sp: 'r', ...values }
  const { snapshot, versionid } = values
  const of = (name: string): string => (query as Record<string, string>)[name] ?? ''
  const lines = [
    ...['sp', 'st', 'se'].map(of),
    resource,
    ...['si', 'sip', 'spr', 'sv', 'sr'].map(of),
    snapshot ?? versionid ?? '',
    ...['ses', 'rscc', 'rscd', 'rsce', 'rscl', 'rsct'].map(of),
  ]
  return linkOf(path, query, { lines })
}

const BLOB = '/blob/acct/media/video/film.mp4'

function outcome(
  url: string,
  parts: ContextParts = {},
  { keys = [KEY], ...options }: AzureSasOptions & { keys?: readonly Key[] } = {},
): string {
  const scheme = new AzureSas({ ...ACCOUNT, ...options })
  const context = contextOf(url, { ...parts, scheme })
  const result = new LinkVerifier([scheme], new KeyRing(keys)).verify(context)
  if (result.outcome === 'refused') return result.refusal.reason
  if (result.outcome === 'absent') return 'absent'
  return decide(result.grant, context, policyOf(), historyOf()).refusal?.reason ?? 'permit'
}

function grantOf(url: string): Grant {
  const scheme = new AzureSas(ACCOUNT)
  const context = contextOf(url, { scheme })
  const result = new LinkVerifier([scheme], new KeyRing([KEY])).verify(context)
  if (result.outcome === 'granted') return result.grant
  throw new Error(JSON.stringify(result))
}

describe('a service SAS', () => {
  it('opens its blob and says what it signed', () => {
    expect(outcome(service(BLOB))).toBe('permit')
    expect(outcome(service(BLOB), { method: 'HEAD' })).toBe('permit')
    const link = service(BLOB, { rscd: 'inline', rsct: 'video/mp4', st: '2027-01-01' })
    expect(grantOf(link)).toMatchObject({
      constraints: { nbf: 1_798_761_600 },
      validUntil: 1_800_003_600,
      response: { contentDisposition: 'inline', contentType: 'video/mp4' },
    })
  })

  it('signs the decoded name of its blob', () => {
    const path = '/media/a%20b+%C3%BC.mp4'
    expect(outcome(service('/blob/acct/media/a b+ü.mp4', {}, path))).toBe('permit')
    expect(outcome(service(`/blob/acct${path}`, {}, path))).toBe('link_signature_wrong')
  })

  it('of a blob without a folder lies in the root container', () => {
    expect(outcome(service('/blob/acct/$root/film.mp4', {}, '/film.mp4'))).toBe('permit')
    const container = service('/blob/acct/$root', { sr: 'c' }, '/film.mp4')
    expect(outcome(container)).toBe('permit')
    expect(outcome(container.replace('/film', '/media/film'))).toBe('link_signature_wrong')
  })

  it.each([
    ['a time without seconds', { se: '2027-01-15T09:00Z' }],
    ['a day', { se: '2027-01-16' }],
    ['fractions of a second', { se: '2027-01-15T09:00:00.1234567Z' }],
    ['permissions besides r', { sp: 'racwd' }],
    ['an address', { sip: '192.0.2.1' }],
    ['a range that ends with the client', { sip: '192.0.2.0-192.0.2.1' }],
    ['https and http', { spr: 'https,http' }],
    ['an encryption scope', { ses: 'scope' }],
    ['a header in Latin-1', { rscd: 'attachment; filename="ü.mp4"' }],
    ['a parameter that nobody signs', { utm_source: 'x' }],
  ])('with %s opens', (_name, values) => {
    expect(outcome(service(BLOB, values))).toBe('permit')
  })

  it.each<[string, Record<string, string>, string]>([
    ['no permission to read', { sp: 'w' }, 'method_not_allowed'],
    ['permissions of other characters', { sp: 'r,w' }, 'link_malformed'],
    ['another address', { sip: '192.0.2.2' }, 'address_not_allowed'],
    ['a range that ends before it begins', { sip: '192.0.2.9-192.0.2.1' }, 'link_malformed'],
    ['an IPv6 address', { sip: '2001:db8::1' }, 'link_malformed'],
    ['http alone', { spr: 'http' }, 'link_malformed'],
    ['no day of the calendar', { se: '2027-02-30T00:00:00Z' }, 'link_malformed'],
    ['a fraction of no digits', { se: '2027-01-15T09:00:00.Z' }, 'link_malformed'],
    ['an offset of time', { se: '2027-01-15T09:00:00+01:00' }, 'link_malformed'],
    ['an expiry beyond ten years', { se: '9999-12-31' }, 'link_malformed'],
    ['an expiry that is over', { se: '2027-01-15T07:59:59Z' }, 'link_expired'],
    ['a start that is ahead', { st: '2027-01-15T08:59:00Z' }, 'link_not_yet_valid'],
    ['a policy that is not known', { si: 'weekly' }, 'link_constraint_unsupported'],
    ['a line feed in a header', { rscd: 'inline\r\nX: y' }, 'link_malformed'],
    ['a header beyond Latin-1', { rscd: 'attachment; filename=日' }, 'link_malformed'],
    ['a version before the form', { sv: '2014-02-14' }, 'link_malformed'],
    ['a version of the future', { sv: '2026-10-06' }, 'link_malformed'],
    ['a version that is no date', { sv: 'latest' }, 'link_malformed'],
    ['a file share', { sr: 'f' }, 'link_constraint_unsupported'],
  ])('with %s is refused', (_name, values, reason) => {
    expect(outcome(service(BLOB, values))).toBe(reason)
  })

  it('of https is refused over http', () => {
    const scheme = new AzureSas(ACCOUNT)
    const site = { ...SITE, scheme: 'http' } as const
    const context = { ...contextOf(service(BLOB, { spr: 'https' }), { scheme }), site }
    const result = new LinkVerifier([scheme], new KeyRing([KEY])).verify(context)
    if (result.outcome !== 'granted') throw new Error(result.outcome)
    const said = result.grant.conditions?.map((condition) => [
      condition.name,
      condition.check(context)?.reason,
    ])
    expect(said).toEqual([
      ['method', undefined],
      ['scheme', 'link_resource_mismatch'],
    ])
  })

  it('signs snapshot and version by sr, and opens neither without it', () => {
    const bs = { sr: 'bs', snapshot: '2026-01-01T00:00:00.0000000Z' }
    expect(outcome(service(BLOB, bs))).toBe('permit')
    expect(outcome(service(BLOB, { sr: 'bv', versionid: 'v1' }))).toBe('permit')
    expect(outcome(service(BLOB, { sr: 'bs' }))).toBe('link_malformed')
    expect(outcome(`${service(BLOB)}&snapshot=x`)).toBe('link_resource_mismatch')
    expect(outcome(service(BLOB, bs).replace('00.0000000Z', '01.0000000Z'))).toBe(
      'link_signature_wrong',
    )
  })

  it('takes what it does not say from its stored policy', () => {
    const stored = { weekly: { permissions: 'r', start: '2027-01-01', expiry: SE } }
    const options = { storedPolicies: stored }
    const bare = { si: 'weekly', se: '', sp: '' }
    expect(outcome(service(BLOB, bare), {}, options)).toBe('permit')
    expect(outcome(service(BLOB, bare), { now: NOW + 7200 }, options)).toBe('link_expired')
    expect(outcome(service(BLOB, { si: 'weekly' }), {}, options)).toBe('link_malformed')
    expect(outcome(service(BLOB, { ...bare, si: 'toString' }), {}, options)).toBe(
      'link_constraint_unsupported',
    )
  })

  it('refuses a parameter that comes twice, even alike', () => {
    for (const name of ['sig', 'sv', 'se', 'sp', 'sr']) {
      const link = service(BLOB)
      const again = new RegExp(`[?&](${name}=[^&]*)`).exec(link)?.[1] ?? ''
      expect([name, outcome(`${link}&${again}`)]).toEqual([name, 'link_malformed'])
    }
  })

  it('is absent where sig has no sv beside it', () => {
    expect(outcome('/media/a?sig=x')).toBe('absent')
    expect(outcome('/media/a?sv=2022-11-02')).toBe('absent')
  })

  it('reads a bare plus sign of its query as the space that form encoders mean', () => {
    const links = Array.from({ length: 50 }, (_, i) => service(BLOB, { rscl: `x${i}` }))
    const link = links.find((candidate) => /sig=.*%2B/.test(candidate)) ?? ''
    expect(outcome(link)).toBe('permit')
    expect(outcome(link.replaceAll('%2B', '+'))).toBe('link_malformed')
    expect(outcome(link.replaceAll('%2F', '/').replace(/%3D$/, '='))).toBe('permit')
  })

  it('with a signature that is cut, of another alphabet or empty is malformed', () => {
    const [unsigned = ''] = service(BLOB).split('sig=')
    for (const sig of ['', 'AAAA', 'A'.repeat(43), '_'.repeat(43), `${'A'.repeat(42)}B%3D`]) {
      const reason = sig === 'A'.repeat(43) ? 'link_signature_wrong' : 'link_malformed'
      expect([sig, outcome(`${unsigned}sig=${sig}`)]).toEqual([sig, reason])
    }
  })
})

describe('a SAS of a container or directory', () => {
  const container = service('/blob/acct/media', { sr: 'c' })
  const directory = service('/blob/acct/media/video', { sr: 'd', sdd: '1' })

  it('opens what lies inside, by one verification', () => {
    const grant = grantOf(container)
    expect(covers(grant.resource, contextOf('/media/a/b/c.bin'))).toBe(true)
    expect(covers(grant.resource, contextOf('/media2/a.bin'))).toBe(false)
    expect(covers(grantOf(directory).resource, contextOf('/media/video/x/y.mp4'))).toBe(true)
    expect(covers(grantOf(directory).resource, contextOf('/media/video2.mp4'))).toBe(false)
    expect(outcome(container.replace('/media/video', '/media/other'))).toBe('permit')
    expect(outcome(directory.replace('/video/', '/video/a/b/'))).toBe('permit')
    expect(outcome(directory.replace('/video/', '/other/'))).toBe('link_signature_wrong')
  })

  it.each([
    ['/media/..%2Fother/film.mp4'],
    ['/media/%2e%2e/other/film.mp4'],
    ['/media%2Fvideo/film.mp4'],
    ['/media/a%5cfilm.mp4'],
  ])('is not left by %s', (path) => {
    expect(foundAt(path)).toMatchObject({ outcome: 'refused' })
  })

  it.each(['/media/a%2541.mp4', '/media/a//b.mp4', '/media/a/'])('holds %s, too', (path) => {
    expect(foundAt(path)).toMatchObject({ outcome: 'found' })
  })

  function foundAt(rawPath: string): Found {
    const scheme = new AzureSas(ACCOUNT)
    const context = contextOf(container, { scheme })
    return scheme.find({ ...context, target: { ...context.target, rawPath } })
  }

  it.each([
    ['no depth', { sr: 'd' }, 'link_malformed'],
    ['a depth of nothing', { sr: 'd', sdd: '0' }, 'link_malformed'],
    ['a depth below the path', { sr: 'd', sdd: '2' }, 'link_resource_mismatch'],
    ['a version that has none', { sr: 'd', sdd: '1', sv: '2019-12-12' }, 'link_malformed'],
  ])('with %s is refused', (_name, values, reason) => {
    expect(outcome(service('/blob/acct/media/video', values))).toBe(reason)
  })
})

describe('an account SAS', () => {
  function account(values: Readonly<Record<string, string>> = {}): string {
    const query = { sv: '2022-11-02', ss: 'bf', srt: 'co', se: SE, sp: 'rl', ...values }
    const { sv, ss, srt, se, sp, spr = '' } = query as Record<string, string>
    const lines = ['acct', sp, ss, srt, '', se, '', spr, sv, '', ''] as string[]
    return linkOf('/media/video/film.mp4', query, { lines })
  }

  it('opens every blob', () => {
    expect(outcome(account())).toBe('permit')
    expect(outcome(account().replace('/media/', '/other/'))).toBe('permit')
  })

  it.each([
    ['a service without blobs', { ss: 'fq' }, 'link_resource_mismatch'],
    ['no objects', { srt: 'sc' }, 'link_resource_mismatch'],
    ['no permission to read', { sp: 'l' }, 'method_not_allowed'],
    ['the resource of a service SAS', { sr: 'b' }, 'link_malformed'],
    ['a stored policy', { si: 'weekly' }, 'link_malformed'],
  ])('with %s is refused', (_name, values, reason) => {
    expect(outcome(account(values))).toBe(reason)
  })

  it('lets nobody set headers that it does not sign', () => {
    expect(grantOf(`${account()}&rsct=text/html`).response).toBeUndefined()
  })
})

describe('a user delegation SAS', () => {
  function delegated(values: Readonly<Record<string, string>> = {}, key = USER_KEY): string {
    const query = {
      sv: '2026-04-06',
      se: SE,
      sr: 'b',
      sp: 'r',
      ...{ skoid: USER, sktid: 'tenant', skt: '2027-01-15T07:00:00Z', ske: '2027-01-15T10:00:00Z' },
      ...{ sks: 'b', skv: '2026-04-06' },
      ...values,
    }
    const of = (name: string): string => (query as Record<string, string>)[name] ?? ''
    const { srh, srq } = values
    const lines = [
      ...['sp', 'st', 'se'].map(of),
      BLOB,
      ...['skoid', 'sktid', 'skt', 'ske', 'sks', 'skv', 'saoid', 'suoid', 'scid'].map(of),
      ...['skdutid', 'sduoid', 'sip', 'spr', 'sv', 'sr'].map(of),
      '',
      of('ses'),
      srh === undefined ? '' : `${srh}:gold\n`,
      srq === undefined ? '' : `\n${srq}:en`,
      ...['rscc', 'rscd', 'rsce', 'rscl', 'rsct'].map(of),
    ]
    return linkOf('/media/video/film.mp4', query, { lines, key })
  }
  const keys = [KEY, USER_KEY]

  it('opens with the key of its user, while that key lasts', () => {
    expect(outcome(delegated(), {}, { keys })).toBe('permit')
    const short = { skt: '2027-01-15T08:30:00Z' }
    expect(outcome(delegated(short), {}, { keys })).toBe('link_not_yet_valid')
    expect(outcome(delegated({ ske: '2027-01-15T08:00:00Z' }), {}, { keys })).toBe('link_expired')
  })

  it('opens with any key of its user', () => {
    const next = { ...USER_KEY, kid: `${USER}.2` }
    const other = secretKey(`${USER}.1`, 9, { schemes: SCHEME })
    expect(outcome(delegated(), {}, { keys: [other, next] })).toBe('permit')
    expect(outcome(delegated(), {}, { keys: [KEY] })).toBe('link_key_unknown')
  })

  it('and the key of the account do not stand in for each other', () => {
    expect(outcome(delegated({}, KEY), {}, { keys })).toBe('link_signature_wrong')
    const secret = createSecretKey(Buffer.alloc(32, 1))
    const asUser = { ...USER_KEY, verifyKey: secret, signKey: secret }
    expect(outcome(service(BLOB), {}, { keys: [asUser] })).toBe('link_key_unknown')
  })

  it('binds the headers and parameters that it names', () => {
    const headers = { 'X-Tier': 'gold' }
    const link = `${delegated({ srh: 'x-tier', srq: 'lang' })}&lang=en`
    expect(outcome(link, { headers }, { keys })).toBe('permit')
    expect(outcome(link, { headers: { 'X-Tier': 'tin' } }, { keys })).toBe('link_signature_wrong')
    expect(outcome(link, {}, { keys })).toBe('link_resource_mismatch')
    expect(outcome(`${link}&lang=en`, { headers }, { keys })).toBe('link_resource_mismatch')
  })

  it.each([
    ['an agent that was authorised', { saoid: 'a', scid: 'c' }, 'permit'],
    ['an agent who still has to be', { suoid: 'a' }, 'link_constraint_unsupported'],
    ['a second user', { sduoid: 'a', skdutid: 'b' }, 'link_constraint_unsupported'],
    ['a key of another service', { sks: 'q' }, 'link_resource_mismatch'],
    ['a stored policy', { si: 'weekly' }, 'link_malformed'],
    ['no tenant', { sktid: '' }, 'link_malformed'],
    ['a version that has none', { sv: '2018-03-28' }, 'link_malformed'],
  ])('with %s: %j is %s', (_name, values, reason) => {
    expect(outcome(delegated(values), {}, { keys })).toBe(reason)
  })
})

it('a stored policy is checked when it is configured', () => {
  const parse = (policy: object): boolean =>
    azureSas.options.safeParse({ storedPolicies: { weekly: policy } }).success
  expect(parse({ permissions: 'r', start: '2027-01-01', expiry: SE })).toBe(true)
  expect(parse({ expiry: 'tomorrow' })).toBe(false)
  expect(parse({ permissions: 'read,write' })).toBe(false)
  expect(parse({ ip: '192.0.2.1' })).toBe(false)
})

describe('a SAS that is signed here', () => {
  const request = { path: '/media/a.mp4', expiresAt: NOW + 60, constraints: {}, site: SITE }
  const scheme = new AzureSas()

  it('is of the account that the host names, if none is configured', () => {
    const link = scheme.sign(request, KEY)
    if ('reason' in link) throw new Error(link.detail)
    const context = contextOf(link.target, { scheme })
    expect(scheme.canonicalText({ place: 'query', text: '' }, context)).toContain(
      '/blob/cdn/media/',
    )
  })

  it.each([
    ['two networks', { constraints: { ip: [...networks('192.0.2.0/24', '10.0.0.0/8')] } }, /^ip: /],
    ['IPv6', { constraints: { ip: networks('2001:db8::/32') } }, /^ip: /],
    ['a start in no year', { constraints: { nbf: 1e14 } }, /^nbf: /],
    ['a prefix without a container', { path: '/*' }, /^path: /],
  ])('cannot say %s', (_name, more, detail) => {
    expect(scheme.sign({ ...request, ...more }, KEY)).toMatchObject({
      reason: 'link_constraint_unsupported',
      detail: expect.stringMatching(detail) as string,
    })
  })

  it('is not signed by a delegated key', () => {
    expect(scheme.sign(request, USER_KEY)).toMatchObject({ reason: 'link_constraint_unsupported' })
  })
})

function networks(...texts: readonly string[]) {
  return texts.map((text) => parseNetwork(text)!)
}
