import type { Address } from '../../src/base/address.ts'
import {
  type Access,
  homeLine,
  mobileAccess,
  relayAccess,
  rotating,
  sharedAddress,
} from './access.ts'
import { browser, type Device, downloader } from './devices.ts'
import { type Internet, type Market, v4Of } from './internet.ts'
import type { Random } from './random.ts'
import { type Actor, type Attempt, DAY, HOUR, linkFor, START } from './timeline.ts'

/** A kind of abuse, and the downloads of one case of it. */
interface Abuse {
  readonly kind: string
  /** Reasons of a refusal that say that the abuse was seen, and not only one of its people. */
  readonly caughtBy: readonly string[]
  readonly commit: (scene: Scene) => Iterable<Omit<Attempt, 'actor'>>
}

interface Scene {
  readonly internet: Internet
  readonly random: Random
  /** Names whom the links were made for. */
  readonly subject: string
  readonly begins: number
  readonly proxies: readonly Address[]
}

export const ABUSES: readonly Abuse[] = [
  { kind: 'posted link', caughtBy: ['link_shared'], commit: postLink },
  { kind: 'shared account', caughtBy: ['link_shared'], commit: shareAccount },
  { kind: 'through Tor', caughtBy: ['anonymizer_blocked', 'link_shared'], commit: throughTor },
  { kind: 'scraper', caughtBy: ['anonymizer_blocked', 'link_shared'], commit: scrape },
  { kind: 'parallel leech', caughtBy: ['too_many_connections', 'link_shared'], commit: leech },
]

/** The downloads of so many cases of each kind. */
export function* abusiveDownloads(
  internet: Internet,
  cases: number,
  random: Random,
): Generator<Attempt> {
  const proxies = proxyPool(internet, random)
  for (const { kind, commit } of ABUSES) {
    for (let i = 0; i < cases; i++) {
      const actor: Actor = { kind, isHonest: false }
      // within the first three days, so that the end of the week cuts few of them short
      const begins = START + random.whole(0, 3 * DAY)
      const scene = { internet, random, proxies, begins, subject: `${kind} ${i}` }
      for (const attempt of commit(scene)) yield { actor, ...attempt }
    }
  }
}

const RESIDENTIAL_PROXIES = 4000
const PUBLIC_PROXIES = 600
// residential exits come and go with the devices of households: data knows half of them at best
const RESIDENTIAL_KNOWN = 0.5
const PUBLIC_KNOWN = 0.8

/** Exits for sale and for free. Most lie among the lines of households. */
function proxyPool(internet: Internet, random: Random): Address[] {
  return Array.from({ length: RESIDENTIAL_PROXIES + PUBLIC_PROXIES }, (_, i) => {
    const isResidential = i < RESIDENTIAL_PROXIES
    const pools = isResidential ? random.weighted(internet.markets).fixed : internet.clouds
    const exit = v4Of(random.weighted(pools), random.next(), random.next())
    if (random.chance(isResidential ? RESIDENTIAL_KNOWN : PUBLIC_KNOWN)) {
      internet.mark(exit, isResidential ? 'residentialProxy' : 'publicProxy')
    }
    return exit
  })
}

/** Anyone of a country, as the readers of a forum are. */
function stranger(market: Market, { internet, random }: Scene): { access: Access; device: Device } {
  const device = browser(market.country.language, random)
  const kind = random.next()
  if (kind < 0.55) return { access: homeLine(random.weighted(market.fixed), random), device }
  if (kind < 0.95) return { access: mobileAccess(random.weighted(market.mobile), random), device }
  if (kind < 0.98) return { access: relayAccess(market.relay, random), device }
  return { access: sharedAddress(random.pick(internet.vpn), random), device }
}

/** 50 to 500 strangers find a link on a forum, most in the first hours; four in five forums speak one country's language. */
function* postLink(scene: Scene): Generator<Omit<Attempt, 'actor'>> {
  const { internet, random, begins, subject } = scene
  const grant = linkFor(subject, begins)
  const bytes = random.logUniform(1e8, 2e9)
  const home = random.weighted(internet.markets)
  const isNational = random.chance(0.8)
  const downloads = Math.round(random.logUniform(50, 500))
  for (let i = 0; i < downloads; i++) {
    const isLocal = random.chance(isNational ? 0.95 : 0.3)
    const market = isLocal ? home : random.weighted(internet.markets)
    const { access, device } = stranger(market, scene)
    const at = begins + Math.floor(random.exponential(10 * HOUR))
    yield once(at, grant, access(at, 0), device, bytes, random)
  }
}

/** Five to thirty people use one account for a week: friends of one country, or buyers anywhere. */
function* shareAccount(scene: Scene): Generator<Omit<Attempt, 'actor'>> {
  const { internet, random, begins, subject } = scene
  const home = random.weighted(internet.markets)
  const isSold = random.chance(0.5)
  const people = random.whole(5, 30)
  for (let person = 0; person < people; person++) {
    const market = isSold ? random.weighted(internet.markets) : home
    const { access, device } = stranger(market, scene)
    const downloads = random.whole(3, 10)
    for (let i = 0; i < downloads; i++) {
      const at = begins + random.whole(0, 4 * DAY)
      const link = linkFor(subject, at)
      yield once(at, link, access(at, 0), device, random.logUniform(1e8, 2e9), random)
    }
  }
}

/** A new circuit every ten minutes, as Tor does by itself. */
function* throughTor(scene: Scene): Generator<Omit<Attempt, 'actor'>> {
  const { internet, random, begins, subject } = scene
  const exits = internet.tor.map((pool) => v4Of(pool, random.next(), random.next()))
  const access = rotating(exits, 600, random)
  const device = browser('en-US', random)
  const downloads = random.whole(20, 60)
  for (let i = 0; i < downloads; i++) {
    const at = begins + random.whole(0, DAY)
    yield once(at, linkFor(subject, at), access(at, 0), device, random.logUniform(1e8, 2e9), random)
  }
}

/** One program takes 100 to 400 files in a day through whatever exits it rents. */
function* scrape(scene: Scene): Generator<Omit<Attempt, 'actor'>> {
  const { internet, random, begins, subject, proxies } = scene
  const clouds = Array.from({ length: 10 }, () =>
    v4Of(random.pick(internet.clouds), random.next(), random.next()),
  )
  const exits = random.pick([proxies.slice(0, RESIDENTIAL_PROXIES), proxies, clouds])
  const access = rotating(exits, 60, random)
  const device = downloader(random)
  const downloads = Math.round(random.logUniform(100, 400))
  const link = linkFor(subject, begins)
  const isOneLink = random.chance(0.3)
  for (let i = 0; i < downloads; i++) {
    const at = begins + Math.floor((i / downloads) * DAY)
    const grant = isOneLink ? link : linkFor(subject, at)
    yield once(at, grant, access(at, 0), device, random.logUniform(1e7, 5e8), random)
  }
}

/** 50 to 200 connections at once to one object, from two to six machines. */
function* leech({ internet, random, begins, subject }: Scene): Generator<Omit<Attempt, 'actor'>> {
  const grant = linkFor(subject, begins)
  const machines = Array.from({ length: random.whole(2, 6) }, () =>
    random.chance(0.7)
      ? sharedAddress(random.pick(internet.clouds), random)
      : homeLine(random.weighted(random.weighted(internet.markets).fixed), random),
  )
  const device = downloader(random)
  const connections = random.whole(50, 200)
  for (let i = 0; i < connections; i++) {
    const at = begins + Math.floor(i / 10)
    const client = random.pick(machines)(begins, 0)
    yield { at, seconds: HOUR, bytes: 1e8, connections: 1, grant, client, headers: device.part }
  }
}

function once(
  at: number,
  grant: Attempt['grant'],
  client: Address,
  device: Device,
  bytes: number,
  random: Random,
): Omit<Attempt, 'actor'> {
  const seconds = Math.ceil(bytes / random.between(1e6, 1.2e7))
  return { at, seconds, bytes, connections: 1, grant, client, headers: device.whole }
}
