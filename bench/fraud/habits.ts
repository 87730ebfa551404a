import {
  type Access,
  homeLine,
  mobileAccess,
  relayAccess,
  rotating,
  sharedAddress,
} from './access.ts'
import { COUNTRIES, distance } from './countries.ts'
import { browser, type Device, downloader } from './devices.ts'
import { type Internet, type Market, v4Of } from './internet.ts'
import { mixed, type Random } from './random.ts'
import { DAY, HOUR, START } from './timeline.ts'

/** An honest user: which devices, and where each of them is at a moment. */
export interface Person {
  readonly devices: readonly Device[]
  readonly where: (now: number, device: number) => Access
  /** The first moment from `now` on at which the person can download. */
  readonly online?: (now: number) => number
  /** Connections that a download opens; default 1. */
  readonly connections?: number
  /** How often a download breaks off and goes on later; default: one in ten. */
  readonly breaks?: number
}

/** A way of living with the internet, and how many in a hundred users live so. */
export interface Habit {
  readonly name: string
  readonly weight: number
  readonly live: (surroundings: Surroundings) => Person
}

export interface Surroundings {
  readonly internet: Internet
  readonly market: Market
  readonly random: Random
  /** Addresses of buildings with hundreds of people in the country. */
  readonly offices: readonly Access[]
}

// No census of such habits exists. The weights are guesses; the table shows each habit by itself.
export const HABITS: readonly Habit[] = [
  { name: 'fixed line', weight: 30, live: atHome },
  { name: 'mobile only', weight: 18, live: onMobile },
  { name: 'commuter', weight: 18, live: commuting },
  { name: 'office', weight: 8, live: atOffice },
  { name: 'household, many devices', weight: 8, live: household },
  { name: 'iCloud Private Relay', weight: 3, live: behindRelay },
  { name: 'traveller', weight: 2, live: travelling },
  { name: 'roaming, phone and laptop', weight: 0.5, live: roaming },
  // 1 % of the workers of the EU live across a border (Eurostat, 2023)
  { name: 'works across the border', weight: 0.5, live: acrossBorder },
  { name: 'download manager, 8 connections', weight: 5, live: withManager },
  { name: 'bad line, many resumes', weight: 3, live: onBadLine },
  { name: 'shares with one other person', weight: 2, live: withFriend },
  { name: 'VPN', weight: 2, live: behindVpn },
]

function devicesOf({ market, random }: Surroundings, count: number): Device[] {
  return Array.from({ length: count }, () => browser(market.country.language, random))
}

function homeOf({ market, random }: Surroundings): Access {
  return homeLine(random.weighted(market.fixed), random)
}

function phoneOf({ market, random }: Surroundings): Access {
  return mobileAccess(random.weighted(market.mobile), random)
}

function atHome(around: Surroundings): Person {
  const home = homeOf(around)
  return { devices: devicesOf(around, around.random.whole(1, 3)), where: () => home }
}

function onMobile(around: Surroundings): Person {
  const phone = phoneOf(around)
  return { devices: devicesOf(around, 1), where: () => phone }
}

const hourOf = (now: number): number => Math.floor((now - START) / HOUR) % 24
const isWorkday = (now: number): boolean => Math.floor((now - START) / DAY) % 7 < 5

/** Home, the road and work; now and then the Wi-Fi of others. */
function commuting(around: Surroundings): Person {
  const { random, market, offices } = around
  const [home, phone, office] = [homeOf(around), phoneOf(around), random.pick(offices)]
  const guests = Array.from({ length: 3 }, () =>
    sharedAddress(random.weighted(market.fixed), random),
  )
  const seed = random.whole(0, 2 ** 31)
  return {
    devices: devicesOf(around, 2),
    where(now, device) {
      const hour = hourOf(now)
      const away = mixed(seed, Math.floor(now / HOUR))
      // half an hour a day in the Wi-Fi of a café, a shop or a friend
      if (away < 0.03 && hour >= 8) return guests[Math.floor(away * 100)] ?? home
      if (isWorkday(now) && hour >= 9 && hour < 17) return office
      // the first device is the phone; it leaves the Wi-Fi at times
      const isOnRoad = isWorkday(now) && (hour === 8 || hour === 17)
      return isOnRoad || (device === 0 && away > 0.85) ? phone : home
    },
  }
}

function atOffice(around: Surroundings): Person {
  const [home, office] = [homeOf(around), around.random.pick(around.offices)]
  const where = (now: number): Access =>
    isWorkday(now) && hourOf(now) >= 8 && hourOf(now) < 18 ? office : home
  return { devices: devicesOf(around, 2), where }
}

/** One account, three to eight devices on one line, the phones outside at times. */
function household(around: Surroundings): Person {
  const { random } = around
  const home = homeOf(around)
  // families share a contract, so their phones use one operator
  const phone = phoneOf(around)
  const seed = random.whole(0, 2 ** 31)
  const devices = devicesOf(around, random.whole(3, 8))
  const where = (now: number, device: number): Access =>
    device < devices.length / 2 && mixed(seed + device, Math.floor(now / HOUR)) < 0.2 ? phone : home
  return { devices, where }
}

/** Safari goes through the relay wherever the person is; another browser does not. */
function behindRelay(around: Surroundings): Person {
  const relay = relayAccess(around.market.relay, around.random)
  const home = homeOf(around)
  return { devices: devicesOf(around, 2), where: (_, device) => (device === 0 ? relay : home) }
}

function destination({ internet, market, random }: Surroundings): Market {
  const near = [...COUNTRIES]
    .sort((x, y) => distance(market.country, x) - distance(market.country, y))
    .slice(1)
  // most journeys stay in the region (UN Tourism: four in five)
  return internet.marketOf(random.pick(random.chance(0.8) ? near.slice(0, 5) : near))
}

/** A journey by air: offline from take-off to the hotel; there its Wi-Fi or a local SIM. */
function travelling(around: Surroundings): Person {
  const { random, market } = around
  const there = destination(around)
  const home = homeOf(around)
  const hotel = sharedAddress(random.weighted(there.fixed), random)
  const sim = mobileAccess(random.weighted(there.mobile), random)
  const seed = random.whole(0, 2 ** 31)
  // 850 km/h, and two hours from the gate to the room
  const flight = Math.ceil((distance(market.country, there.country) / 850 + 2) * HOUR)
  const out = START + Math.ceil(random.between(0.5, 4) * DAY)
  const back = out + Math.ceil(random.between(2, 4) * DAY)
  const landing = (now: number): number =>
    now >= out && now < out + flight
      ? out + flight
      : now >= back && now < back + flight
        ? back + flight
        : now
  return {
    devices: devicesOf(around, 2),
    online: landing,
    where(now, device) {
      if (now < out || now >= back) return home
      return device === 0 && mixed(seed, Math.floor(now / HOUR)) < 0.3 ? sim : hotel
    },
  }
}

/** Abroad all week: the phone's SIM is routed through the home country, the laptop is on the hotel's Wi-Fi. */
function roaming(around: Surroundings): Person {
  const hotel = sharedAddress(around.random.weighted(destination(around).fixed), around.random)
  const phone = phoneOf(around)
  return { devices: devicesOf(around, 2), where: (_, device) => (device === 0 ? phone : hotel) }
}

function acrossBorder(around: Surroundings): Person {
  const { internet, market, random } = around
  const [nearest] = [...COUNTRIES]
    .filter((one) => one !== market.country)
    .sort((x, y) => distance(market.country, x) - distance(market.country, y))
  const abroad = internet.marketOf(nearest ?? market.country)
  const office = sharedAddress(random.weighted(abroad.fixed), random)
  const [home, phone] = [homeOf(around), phoneOf(around)]
  return {
    devices: devicesOf(around, 2),
    where(now, device) {
      if (!isWorkday(now) || hourOf(now) < 9 || hourOf(now) >= 17) return home
      return device === 0 ? phone : office
    },
  }
}

function withManager(around: Surroundings): Person {
  const home = homeOf(around)
  return { devices: [downloader(around.random)], where: () => home, connections: 8, breaks: 0.3 }
}

/** Breaks off again and again; the phone's hotspot helps out. */
function onBadLine(around: Surroundings): Person {
  const [home, phone] = [homeOf(around), phoneOf(around)]
  const seed = around.random.whole(0, 2 ** 31)
  const where = (now: number): Access => (mixed(seed, Math.floor(now / 600)) < 0.2 ? phone : home)
  return { devices: devicesOf(around, 1), where, breaks: 0.7 }
}

/** The second device is a friend's, at the friend's home or on the friend's phone. */
function withFriend(around: Surroundings): Person {
  const [home, friendsHome, friendsPhone] = [homeOf(around), homeOf(around), phoneOf(around)]
  const friends = around.random.chance(0.6) ? friendsHome : friendsPhone
  return { devices: devicesOf(around, 2), where: (_, device) => (device === 0 ? home : friends) }
}

/** A commercial VPN that is on all day, or for some hours. */
function behindVpn(around: Surroundings): Person {
  const { internet, random } = around
  const home = homeOf(around)
  const exits = Array.from({ length: 3 }, () =>
    v4Of(random.pick(internet.vpn), random.next(), random.next()),
  )
  const vpn = rotating(exits, 4 * HOUR, random)
  const seed = random.whole(0, 2 ** 31)
  const share = random.chance(0.5) ? 1 : 0.4
  const where = (now: number): Access =>
    mixed(seed, Math.floor(now / (2 * HOUR))) < share ? vpn : home
  return { devices: devicesOf(around, 2), where }
}
