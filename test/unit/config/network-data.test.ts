import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { makeMmdb } from '../../support/mmdb.ts'
import { address } from '../../support/request-parts.ts'
import { configFolder, GATEWAY } from './config-folder.ts'

const SWEDEN = makeMmdb({ '8.8.8.0/24': { country: { iso_code: 'SE' } } })
const AS_15169 = makeMmdb({ '8.8.8.0/24': { autonomous_system_number: 15_169 } })
const VPN = makeMmdb({ '8.8.8.0/24': { is_anonymous: true, is_anonymous_vpn: true } })

describe('geo.country', () => {
  it('is the packaged data when nobody says', () => {
    const { config, networks } = configFolder().load()
    expect(config?.geo).toEqual({ refreshSeconds: 3600 })
    expect(networks.find(address('8.8.8.8'))).toEqual({
      country: 'US',
      asn: undefined,
      anonymizers: [],
    })
  })

  it('is a file beside the gateway’s, or one that a variable names', () => {
    const folder = configFolder({ 'gateway.yaml': `geo: { country: own.mmdb }\n${GATEWAY}` })
    writeFileSync(folder.path('own.mmdb'), SWEDEN)
    const { config, networks } = folder.load()
    expect(config?.geo).toMatchObject({ country: folder.path('own.mmdb') })
    expect(networks.find(address('8.8.8.8')).country).toBe('SE')
    const env = { SLUICE_GEO__COUNTRY: 'none.mmdb' }
    expect(folder.problems({ env })).toEqual([
      'SLUICE_GEO__COUNTRY: geo.country: cannot be read: ENOENT',
    ])
  })
})

describe('geo.asn and geo.anonymous', () => {
  it('are files beside the gateway’s', () => {
    const folder = configFolder({
      'gateway.yaml': `geo: { asn: asn.mmdb, anonymous: anonymous.mmdb, refreshSeconds: 60 }\n${GATEWAY}`,
    })
    writeFileSync(folder.path('asn.mmdb'), AS_15169)
    writeFileSync(folder.path('anonymous.mmdb'), VPN)
    const { config, networks } = folder.load()
    expect(config?.geo).toEqual({
      asn: folder.path('asn.mmdb'),
      anonymous: folder.path('anonymous.mmdb'),
      refreshSeconds: 60,
    })
    expect(networks.find(address('8.8.8.8'))).toEqual({
      country: 'US',
      asn: 15_169,
      anonymizers: ['vpn'],
    })
  })

  it('that hold something else are a problem each', () => {
    const folder = configFolder({
      'gateway.yaml': `geo:\n  asn: a.mmdb\n  anonymous: b.mmdb\n${GATEWAY}`,
    })
    writeFileSync(folder.path('a.mmdb'), VPN)
    writeFileSync(folder.path('b.mmdb'), AS_15169)
    expect(folder.problems()).toEqual([
      'gateway.yaml:2:8: geo.asn: names no AS number for any IPv4 network',
      'gateway.yaml:3:14: geo.anonymous: names no anonymizer for any network',
    ])
  })
})

describe.each(['country', 'asn', 'anonymous'])('a file of geo.%s', (name) => {
  it.each([
    ['is not there', undefined, 'cannot be read: ENOENT'],
    ['is broken', 'no database', 'is no mmdb database, or a broken one'],
  ])('that %s is a problem with its place', (_what, content, message) => {
    const folder = configFolder({ 'gateway.yaml': `geo:\n  ${name}: own.mmdb\n${GATEWAY}` })
    if (content !== undefined) folder.write('own.mmdb', content)
    expect(folder.problems()).toEqual([
      `gateway.yaml:2:${name.length + 5}: geo.${name}: ${message}`,
    ])
    expect(folder.load().config).toBeUndefined()
  })
})
