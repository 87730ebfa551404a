import { describe, expect, it } from 'vitest'
import type { NetworkSighting } from '../../src/base/sightings.ts'
import type { SharingStore } from '../../src/state/sharing-store.ts'
import { NOW } from '../support/request-parts.ts'

const WINDOW = 800

export const sighting = (
  network: string,
  more: Partial<NetworkSighting> = {},
): NetworkSighting => ({
  network,
  country: 'DE',
  asn: 3320,
  isRelay: false,
  device: 'aaaaaaaaaaaa',
  ...more,
})

const networkOf = (i: number): string => `10.${i >> 8}.${i & 255}.0/24`

/** What every store of sightings promises. */
export function describeSharingStore(name: string, open: () => SharingStore): void {
  const networks = (store: SharingStore, key = 'link:a', after = NOW - WINDOW): string[] =>
    store.sightings(key, after).networks.map(({ network }) => network)

  describe(`${name} as a sharing store`, () => {
    it('gives the networks and devices of one key, the latest last', () => {
      const store = open()
      store.record('link:a', sighting('b', { device: 'two' }), NOW + 1, WINDOW)
      store.record('link:a', sighting('a', { country: undefined, asn: undefined }), NOW + 2, WINDOW)
      store.record('link:b', sighting('c'), NOW, WINDOW)
      const seen = store.sightings('link:a', NOW)
      expect(seen.networks).toEqual([
        { ...sighting('b', { device: 'two' }), firstSeen: NOW + 1, lastSeen: NOW + 1 },
        {
          ...sighting('a', { country: undefined, asn: undefined }),
          firstSeen: NOW + 2,
          lastSeen: NOW + 2,
        },
      ])
      expect(seen.devices).toEqual(['two', 'aaaaaaaaaaaa'])
      expect(seen.estimates).toBeUndefined()
      expect(networks(store, 'link:none')).toEqual([])
    })

    it('counts a network that comes again from then on, as what it is then', () => {
      const store = open()
      store.record('link:a', sighting('a'), NOW, WINDOW)
      store.record('link:a', sighting('a', { country: 'FR', isRelay: true }), NOW + 5, WINDOW)
      expect(store.sightings('link:a', NOW + 4).networks).toEqual([
        {
          ...sighting('a', { country: 'FR', isRelay: true }),
          firstSeen: NOW,
          lastSeen: NOW + 5,
        },
      ])
      expect(networks(store, 'link:a', NOW + 5)).toEqual([])
    })

    it('knows both devices of one network in one second', () => {
      const store = open()
      store.record('link:a', sighting('a', { device: 'one' }), NOW, WINDOW)
      store.record('link:a', sighting('a', { device: 'two' }), NOW, WINDOW)
      expect(store.sightings('link:a', NOW - 1).devices).toEqual(['one', 'two'])
    })

    it('counts 64 exactly', () => {
      const store = open()
      for (let i = 0; i < 64; i++) store.record('link:a', sighting(networkOf(i)), NOW + i, WINDOW)
      expect(store.sightings('link:a', NOW - 1).estimates).toBeUndefined()
      expect(networks(store)).toHaveLength(64)
    })

    it.each([65, 300, 10_000])('estimates %d networks and devices within 5 percent', (count) => {
      const store = open()
      for (let i = 0; i < count; i++) {
        const seen = sighting(networkOf(i), {
          asn: i % 100,
          country: `C${i % 7}`,
          device: `device-${i}`,
        })
        store.record('link:a', seen, NOW + Math.floor((i * 100) / count), WINDOW)
      }
      const seen = store.sightings('link:a', NOW - 1)
      expect(seen.networks).toHaveLength(64)
      const asns = Math.min(count, 100)
      const expected = { networks: count, groups: asns, asns, countries: 7, devices: count }
      for (const [of, number] of Object.entries(expected)) {
        const estimate = seen.estimates?.[of as keyof typeof expected] ?? 0
        expect(Math.abs(estimate - number) / number, `${of}: ${estimate}`).toBeLessThan(0.05)
      }
    })

    it('forgets what left the window, estimates too', () => {
      const store = open()
      for (let i = 0; i < 500; i++) store.record('link:a', sighting(networkOf(i)), NOW, WINDOW)
      store.record('link:a', sighting('late'), NOW + WINDOW, WINDOW)
      const seen = store.sightings('link:a', NOW)
      expect(seen.networks.map(({ network }) => network)).toEqual(['late'])
      expect(seen.estimates).toBeUndefined()
    })

    it('prunes what no window holds', () => {
      const store = open()
      store.record('link:a', sighting('short'), NOW, WINDOW)
      store.record('link:a', sighting('long'), NOW, WINDOW)
      // under another policy the same link has a longer window; its shorter one takes nothing back
      store.record('link:a', sighting('long'), NOW, WINDOW * 2)
      store.record('link:a', sighting('long'), NOW + 1, WINDOW)
      store.prune(NOW + WINDOW)
      expect(networks(store, 'link:a', 0)).toEqual(['long'])
      store.prune(NOW + WINDOW * 2)
      expect(networks(store, 'link:a', 0)).toEqual([])
    })

    it('knows what flows until it ends, by key', () => {
      const store = open()
      const flow = { network: 'a', country: 'DE', isRelay: false }
      const leave = store.enter('link:a', flow)
      const leaveOther = store.enter('link:a', { ...flow, country: 'US' })
      leave()
      leave()
      const countries = store.sightings('link:a', 0).flows.map(({ country }) => country)
      expect(countries).toEqual(['US'])
      expect(store.sightings('link:b', 0).flows).toEqual([])
      leaveOther()
      expect(store.sightings('link:a', 0).flows).toEqual([])
    })
  })
}
