import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { NetworkFacts } from '../../../src/base/network-facts.ts'
import { LiveNetworkData } from '../../../src/geo/live-network-data.ts'
import { NetworkData } from '../../../src/geo/network-data.ts'
import { openNetworkFile } from '../../../src/geo/network-file.ts'
import { makeMmdb } from '../../support/mmdb.ts'
import { databaseOf } from '../../support/network-databases.ts'
import { address } from '../../support/request-parts.ts'

const CLIENT = address('8.8.8.8')

let asn: string
let anonymous: string
let warnings: string[]
let live: LiveNetworkData

const asnDatabase = (number: number, builtAt = 1): Buffer =>
  makeMmdb({ '8.8.8.0/24': { autonomous_system_number: number } }, { builtAt })

const anonymousDatabase = (key: string): Buffer => makeMmdb({ '8.8.8.0/24': { [key]: true } })

/** As vendors' updaters do it: a new file takes the place of the old one. */
function replace(file: string, bytes: Buffer): void {
  writeFileSync(`${file}.new`, bytes)
  renameSync(`${file}.new`, file)
}

beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-geo-'))
  asn = join(directory, 'asn.mmdb')
  anonymous = join(directory, 'anonymous.mmdb')
  writeFileSync(asn, asnDatabase(64_501))
  writeFileSync(anonymous, anonymousDatabase('is_anonymous_vpn'))
  warnings = []
  live = new LiveNetworkData(
    new NetworkData({
      asn: databaseOf(openNetworkFile('asn', asn)),
      anonymous: databaseOf(openNetworkFile('anonymous', anonymous)),
    }),
    {
      files: { asn, anonymous },
      refreshSeconds: 3600,
      warn: (message) => warnings.push(message),
    },
  )
  onTestFinished(() => {
    live.close()
    rmSync(directory, { recursive: true, force: true })
  })
})

async function factsAfterRefresh(): Promise<Partial<NetworkFacts>> {
  await live.refresh()
  const { asn: number, anonymizers } = live.find(CLIENT)
  return { asn: number, anonymizers }
}

describe('a file', () => {
  it('that takes the place of the old one is in force after a look', async () => {
    expect(await factsAfterRefresh()).toEqual({ asn: 64_501, anonymizers: ['vpn'] })
    replace(asn, asnDatabase(64_502, 2))
    expect(live.find(CLIENT).asn).toBe(64_501)
    expect(await factsAfterRefresh()).toEqual({ asn: 64_502, anonymizers: ['vpn'] })
    expect([...live.builtAt()][0]).toEqual(['asn', new Date(2000)])
    replace(anonymous, anonymousDatabase('is_tor_exit_node'))
    expect(await factsAfterRefresh()).toEqual({ asn: 64_502, anonymizers: ['tor'] })
    expect(warnings).toEqual([])
  })

  it('that is written over in place is in force after a look', async () => {
    writeFileSync(asn, asnDatabase(64_502))
    expect(await factsAfterRefresh()).toMatchObject({ asn: 64_502 })
  })

  it.each<[string, () => void, string]>([
    ['is cut', () => writeFileSync(asn, asnDatabase(64_502).subarray(0, -150)), 'no mmdb database'],
    ['is emptied', () => writeFileSync(asn, ''), 'no mmdb database'],
    [
      'is of another kind',
      () => replace(asn, anonymousDatabase('is_public_proxy')),
      'names no AS number',
    ],
    ['is gone', () => rmSync(asn), 'cannot be read'],
  ])('that %s leaves the last good one, with one warning', async (_what, spoil, why) => {
    const made = [...live.builtAt()]
    spoil()
    expect(await factsAfterRefresh()).toEqual({ asn: 64_501, anonymizers: ['vpn'] })
    expect(await factsAfterRefresh()).toEqual({ asn: 64_501, anonymizers: ['vpn'] })
    expect([...live.builtAt()]).toEqual(made)
    expect(warnings).toEqual([expect.stringContaining(why)])
    expect(warnings[0]).toContain('geo.asn stays as it was')
    replace(asn, asnDatabase(64_503))
    expect(await factsAfterRefresh()).toMatchObject({ asn: 64_503 })
    expect(warnings).toHaveLength(1)
  })

  it('that did not change is not read again, by a look or by a reload', async () => {
    const database = databaseOf(openNetworkFile('asn', asn))
    expect(databaseOf(openNetworkFile('asn', asn))).toBe(database)
    const facts = live.find(CLIENT)
    await live.refresh()
    expect(live.find(CLIENT)).toBe(facts)
    replace(asn, asnDatabase(64_502))
    await live.refresh()
    const reread = databaseOf(openNetworkFile('asn', asn))
    expect(reread).not.toBe(database)
    expect(databaseOf(openNetworkFile('asn', asn))).toBe(reread)
  })

  it('that is not there is unusable, with the cause', () => {
    expect(openNetworkFile('asn', `${asn}.none`)).toMatchObject({
      unusable: 'cannot be read',
      cause: { code: 'ENOENT' },
    })
  })

  it('is read into memory: what happens to it later does not matter', () => {
    rmSync(asn)
    expect(live.find(address('8.8.8.200')).asn).toBe(64_501)
  })
})

it('a file that is broken anew in the same way is not spoken of again', async () => {
  for (const length of [150, 140]) {
    writeFileSync(asn, asnDatabase(64_502).subarray(0, -length))
    await live.refresh()
  }
  expect(warnings).toHaveLength(1)
})

it('what changes after the end is not taken', async () => {
  replace(asn, asnDatabase(64_502))
  live.close()
  expect(await factsAfterRefresh()).toMatchObject({ asn: 64_501 })
})
