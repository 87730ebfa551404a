import type { SharingLimits } from '../policy.ts'
import { networksText, span } from './evidence.ts'
import type { Picture } from './picture.ts'

/**
 * Which limit the client exceeds, for a record. A limit holds for who adds to what it counts: who is in
 * a group that downloaded before stays welcome, however many there are by now. One AS may reach around
 * the world: of a network in a new country the country counts all the same.
 */
export function exceededLimit(limits: SharingLimits, picture: Picture): string | undefined {
  const { adds, totals } = picture
  const exceeds = (count: number, max: number | undefined): boolean => count > (max ?? Infinity)
  if (adds.groups) {
    if (exceeds(totals.groups, limits.maxNetworks)) return of(`${totals.groups} networks`)
    if (adds.asns && exceeds(totals.asns, limits.maxAsns)) return of(`${totals.asns} AS numbers`)
  }
  if (adds.networks && adds.countries && exceeds(totals.countries, limits.maxCountries)) {
    return of(`${totals.countries} countries`)
  }
  return adds.devices && exceeds(totals.devices, limits.maxDevices)
    ? of(`${totals.devices} devices`)
    : undefined

  function of(what: string): string {
    return `${what} in ${span(picture.windowSeconds)}: ${networksText(picture)}`
  }
}
