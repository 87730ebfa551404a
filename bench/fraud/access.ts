import type { Address } from '../../src/base/address.ts'
import { type Pool, v4Of, v6Of } from './internet.ts'
import { mixed, type Random } from './random.ts'

/** A way into the internet; the address that it gives a device at a moment. */
export type Access = (now: number, device: number) => Address

const DAY = 86_400

// about half of all users reach dual-stack sites by IPv6 (Google, 2024); on such lines most connections use it
const DUAL_STACK = 0.5
const BY_V6 = 0.8

/** A line of a home: one IPv4 address and a delegated /56, both new after some nights; privacy addresses inside. */
export function homeLine(pool: Pool, random: Random): Access {
  const seed = random.whole(0, 2 ** 31)
  const isDual = random.chance(DUAL_STACK)
  // reconnected daily as some operators do, or as good as never
  const leaseDays = random.chance(0.25) ? 1 : 30
  return (now, device) => {
    // at four in the morning
    const lease = Math.floor((now - 4 * 3600) / (leaseDays * DAY))
    if (isDual && mixed(seed ^ device, Math.floor(now / 60)) < BY_V6) {
      // RFC 8981: a new interface identifier a day
      return v6Of(pool, mixed(seed, lease), 0, mixed(seed + device, Math.floor(now / DAY)))
    }
    return v4Of(pool, mixed(seed, lease), mixed(seed + 1, lease))
  }
}

/** A phone behind carrier-grade NAT: the address outside changes every few minutes, in any block of the operator. */
export function mobileAccess(pool: Pool, random: Random): Access {
  const seed = random.whole(0, 2 ** 31)
  const isDual = random.chance(DUAL_STACK)
  const held = random.between(180, 1800)
  return (now, device) => {
    const step = Math.floor(now / held)
    if (isDual && mixed(seed ^ device, step) < BY_V6) {
      // a /64 for each attachment to the network, kept for some hours
      return v6Of(pool, mixed(seed, Math.floor(now / 14_400)), 1, mixed(seed + device, step))
    }
    return v4Of(pool, mixed(seed + 2, step), mixed(seed + 3, step))
  }
}

/** One address for everybody in the building. */
export function sharedAddress(pool: Pool, random: Random): Access {
  const address = v4Of(pool, random.next(), random.next())
  return () => address
}

/** Egress of a relay: another partner and address with each session. */
export function relayAccess(pools: readonly Pool[], random: Random): Access {
  const seed = random.whole(0, 2 ** 31)
  return (now, device) => {
    const session = Math.floor(now / 1200)
    const pool = pools[Math.floor(mixed(seed + device, session) * pools.length)]
    if (!pool) throw new Error('the relay has no egress')
    return v4Of(pool, mixed(seed + 5, session), mixed(seed + 6, session))
  }
}

/** One exit after another out of many, each for a while. */
export function rotating(exits: readonly Address[], seconds: number, random: Random): Access {
  const seed = random.whole(0, 2 ** 31)
  return (now) => {
    const exit = exits[Math.floor(mixed(seed, Math.floor(now / seconds)) * exits.length)]
    if (!exit) throw new Error('there is no exit')
    return exit
  }
}
