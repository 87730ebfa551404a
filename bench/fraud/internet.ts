import { type Address, addressFromInteger, addressFromWords } from '../../src/base/address.ts'
import { type Anonymizer, type NetworkFacts, NOTHING_KNOWN } from '../../src/base/network-facts.ts'
import { COUNTRIES, type Country } from './countries.ts'
import type { Random } from './random.ts'

/** Addresses of one operator in one country: a run of IPv4 /24 and one IPv6 /32. */
export interface Pool {
  readonly number: number
  readonly asn: number
  readonly country: Country
  readonly anonymizer: Anonymizer | undefined
  /** Its share among pools of its kind in the country. */
  readonly weight: number
  /** The first /24, counted from 0.0.0.0/24. */
  readonly first: number
  readonly blocks: number
}

/** What a national market looks like: shares in per cent of the lines. */
export interface Market {
  readonly country: Country
  readonly weight: number
  readonly fixed: readonly Pool[]
  readonly mobile: readonly Pool[]
  /** Companies with an AS of their own. */
  readonly offices: readonly Pool[]
  /** Egress of the relay for people of this country. */
  readonly relay: readonly Pool[]
}

/** Which data the gateway is given about networks. */
export interface Knowledge {
  readonly asn: boolean
}

// from 11.0.0.0 on, far below the next special block
const FIRST_BLOCK = 11 * 65536
const FIRST_V6 = 0x2a000000

// four large operators hold most lines, small ones share the rest: the usual shape of OECD broadband statistics
const FIXED_SHARES = [40, 24, 14, 8, ...Array.from({ length: 10 }, () => 1.4)]
const MOBILE_SHARES = [38, 32, 24, 3, 3]
const OFFICES = 30
// AS of the egress partners of iCloud Private Relay: Akamai, Cloudflare, Fastly
const RELAY = [36183, 13335, 54113]
const VPN_PROVIDERS = 12
// vendors of such data publish no recall; some exits are always too new for it
const VPN_KNOWN = 0.85
const CLOUDS = 8
const TOR_OPERATORS = 40

/** All networks of the synthetic world and what is known of them. */
export class Internet {
  readonly markets: readonly Market[]
  readonly vpn: readonly Pool[]
  readonly clouds: readonly Pool[]
  readonly tor: readonly Pool[]
  readonly #pools: Pool[] = []
  readonly #byBlock: number[] = []
  readonly #marked = new Map<number, Anonymizer>()
  #nextAsn = 60_000

  constructor(random: Random) {
    this.markets = COUNTRIES.map((country) => this.#market(country, random))
    this.vpn = this.#abroad(VPN_PROVIDERS, 10, 4, 'vpn', random)
    this.clouds = this.#abroad(CLOUDS, 6, 64, 'hosting', random)
    this.tor = this.#abroad(TOR_OPERATORS, 1, 1, 'tor', random)
  }

  marketOf(country: Country): Market {
    const market = this.markets.find((one) => one.country === country)
    if (!market) throw new Error(`${country.code} has no market`)
    return market
  }

  /** Marks one IPv4 address as an exit, as data about anonymous networks does. */
  mark(address: Address, anonymizer: Anonymizer): void {
    this.#marked.set(address.d, anonymizer)
  }

  poolOf(address: Address): Pool | undefined {
    const number =
      address.family === 4 ? this.#byBlock[(address.d >>> 8) - FIRST_BLOCK] : address.a - FIRST_V6
    return number === undefined ? undefined : this.#pools[number]
  }

  /** What a gateway with this knowledge is told. Tor and relay stand on lists of their own. */
  facts(address: Address, { asn }: Knowledge): NetworkFacts {
    const pool = this.poolOf(address)
    if (!pool) return NOTHING_KNOWN
    const marked = address.family === 4 ? this.#marked.get(address.d) : undefined
    const anonymizer = marked ?? (isListed(pool) ? undefined : pool.anonymizer)
    return {
      country: pool.country.code,
      asn: asn ? pool.asn : undefined,
      anonymizers: anonymizer ? [anonymizer] : [],
    }
  }

  #market(country: Country, random: Random): Market {
    const add = (weight: number, blocks: number, asn = this.#nextAsn++): Pool =>
      this.#add({ asn, country, anonymizer: undefined, weight, blocks })
    const fixed = FIXED_SHARES.map((share) => add(share, Math.ceil(share * 40)))
    const mobile = MOBILE_SHARES.map((share, i) =>
      // half of the large ones are one company with one AS for both
      add(share, Math.ceil(share * 3), i < 3 && random.chance(0.5) ? fixed[i]?.asn : undefined),
    )
    const offices = Array.from({ length: OFFICES }, () => add(1, 1))
    const relay = RELAY.map((asn) =>
      this.#add({ asn, country, anonymizer: 'relay', weight: 1, blocks: 8 }),
    )
    return { country, weight: country.weight, fixed, mobile, offices, relay }
  }

  /** Operators with sites in several countries. */
  #abroad(
    operators: number,
    sites: number,
    blocks: number,
    anonymizer: Anonymizer,
    random: Random,
  ): Pool[] {
    return Array.from({ length: operators }, () => this.#nextAsn++).flatMap((asn) =>
      Array.from({ length: sites }, () => {
        const country = random.weighted(COUNTRIES)
        const isKnown = anonymizer !== 'vpn' || random.chance(VPN_KNOWN)
        const known = isKnown ? anonymizer : undefined
        return this.#add({ asn, country, anonymizer: known, weight: 1, blocks })
      }),
    )
  }

  #add(parts: Omit<Pool, 'number' | 'first'>): Pool {
    const number = this.#pools.length
    const pool = { ...parts, number, first: FIRST_BLOCK + this.#byBlock.length }
    this.#pools.push(pool)
    for (let i = 0; i < pool.blocks; i++) this.#byBlock.push(number)
    return pool
  }
}

/** Whether the exits of the pool are on a public list, and not in the data about networks. */
export function isListed({ anonymizer }: Pool): boolean {
  return anonymizer === 'tor' || anonymizer === 'relay'
}

/** An IPv4 address of the pool: `place` and `host` from 0 to below 1. */
export function v4Of(pool: Pool, place: number, host: number): Address {
  const block = pool.first + Math.floor(place * pool.blocks)
  return addressFromInteger(block * 256 + 1 + Math.floor(host * 254))
}

/** An IPv6 address of the pool: a delegated /56, a subnet in it, and what the device chose. */
export function v6Of(pool: Pool, site: number, subnet: number, device: number): Address {
  const delegated = Math.floor(site * 2 ** 24) * 256
  return addressFromWords(
    FIRST_V6 + pool.number,
    delegated + subnet,
    Math.floor(device * 2 ** 32),
    Math.floor(device * 2 ** 52) >>> 0,
  )
}
