import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { makeMmdb } from '../../support/mmdb.ts'
import { address } from '../../support/request-parts.ts'
import { configFolder, GATEWAY } from './config-folder.ts'

const SWEDEN = makeMmdb({ '8.8.8.0/24': { country: { iso_code: 'SE' } } })

describe('geo.country', () => {
  it('is the packaged data when nobody says', () => {
    const { config, countries } = configFolder().load()
    expect(config?.geo).toEqual({})
    expect(countries.country(address('8.8.8.8'))).toBe('US')
  })

  it('is a file beside the gateway’s, or one that a variable names', () => {
    const folder = configFolder({ 'gateway.yaml': `geo: { country: own.mmdb }\n${GATEWAY}` })
    writeFileSync(folder.path('own.mmdb'), SWEDEN)
    const { config, countries } = folder.load()
    expect(config?.geo).toEqual({ country: folder.path('own.mmdb') })
    expect(countries.country(address('8.8.8.8'))).toBe('SE')
    const env = { SLUICE_GEO__COUNTRY: 'none.mmdb' }
    expect(folder.problems({ env })).toEqual([
      'SLUICE_GEO__COUNTRY: geo.country: cannot be read: ENOENT',
    ])
  })

  it.each([
    ['is not there', undefined, 'cannot be read: ENOENT'],
    ['is broken', 'no database', 'is no mmdb database, or a broken one'],
  ])('that %s is a problem with its place', (_what, content, message) => {
    const folder = configFolder({ 'gateway.yaml': `geo:\n  country: own.mmdb\n${GATEWAY}` })
    if (content !== undefined) folder.write('own.mmdb', content)
    expect(folder.problems()).toEqual([`gateway.yaml:2:12: geo.country: ${message}`])
    expect(folder.load().config).toBeUndefined()
  })
})
