import { type Access, sharedAddress } from './access.ts'
import { HABITS, type Person } from './habits.ts'
import type { Internet, Market } from './internet.ts'
import type { Random } from './random.ts'
import { type Attempt, DAY, DAYS, END, HOUR, linkFor, START } from './timeline.ts'

const OFFICES_PER_COUNTRY = 12

// by hour of the day: nights are quiet, evenings busy
const BUSY = [2, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 8, 9, 10, 10, 8, 4].map(
  (weight, hour) => ({ weight, hour }),
)

/** How often a person uses one link; most once. */
const USES = [
  { weight: 65, uses: 1 },
  { weight: 20, uses: 2 },
  { weight: 8, uses: 3 },
  { weight: 4, uses: 4 },
  { weight: 2, uses: 6 },
  // a course or a long film, opened wherever the person is
  { weight: 1, uses: 20 },
]
/** Mean time until a link is used again; one that is used often is used through the day. */
const untilAgain = (uses: number): number => (uses > 10 ? 1 : 6) * HOUR
/** Links of a person in the week beyond the first, on average. */
const MORE_LINKS = 1.5

/** The downloads of all honest users, each by links of their own. */
export function* honestDownloads(
  internet: Internet,
  users: number,
  random: Random,
): Generator<Attempt> {
  const offices = new Map(internet.markets.map((market) => [market, officesOf(market, random)]))
  for (let user = 0; user < users; user++) {
    const market = random.weighted(internet.markets)
    const habit = random.weighted(HABITS)
    const person = habit.live({ internet, market, random, offices: offices.get(market) ?? [] })
    const actor = { kind: habit.name, isHonest: true }
    const links = 1 + Math.floor(random.exponential(MORE_LINKS))
    for (let i = 0; i < links; i++) {
      for (const attempt of usesOf(person, `user-${user}`, random)) yield { actor, ...attempt }
    }
  }
}

function officesOf(market: Market, random: Random): Access[] {
  return Array.from({ length: OFFICES_PER_COUNTRY }, () =>
    // small companies rent a line, large ones have an AS
    sharedAddress(
      random.chance(0.6) ? random.weighted(market.fixed) : random.pick(market.offices),
      random,
    ),
  )
}

/** All that happens by one link: it is used, breaks off and goes on, and is used again. */
function* usesOf(
  person: Person,
  subject: string,
  random: Random,
): Generator<Omit<Attempt, 'actor'>> {
  const { hour } = random.weighted(BUSY)
  let now = START + random.whole(0, DAYS - 1) * DAY + hour * HOUR + random.whole(0, HOUR - 1)
  const grant = linkFor(subject, now)
  // 20 MB to 4 GB at 1 to 12 MB/s
  const bytes = random.logUniform(2e7, 4e9)
  const seconds = Math.ceil(bytes / random.between(1e6, 1.2e7))
  const { connections = 1, breaks = 0.1 } = person
  const { uses } = random.weighted(USES)
  for (let use = 0; use < uses; use++) {
    const device = random.whole(0, person.devices.length - 1)
    const begin = (at: number, isResumed: boolean): Omit<Attempt, 'actor'> | undefined => {
      const { whole, part } = person.devices[device] ?? {}
      if (!whole || !part || at >= END) return undefined
      const client = person.where(at, device)(at, device)
      const headers = isResumed || connections > 1 ? part : whole
      return { at, seconds, bytes, connections, grant, client, headers }
    }
    now = person.online?.(now) ?? now
    for (let isResumed = false; ; isResumed = true) {
      const attempt = begin(now, isResumed)
      if (!attempt) return
      yield attempt
      if (!random.chance(breaks)) break
      // at once by the program, or when the person notices
      now += Math.ceil(seconds / 2 + random.exponential(random.chance(0.5) ? 30 : 1800))
      now = person.online?.(now) ?? now
    }
    now += seconds + Math.ceil(random.exponential(untilAgain(uses)))
  }
}
