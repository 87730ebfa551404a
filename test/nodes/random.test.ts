import { randomInt } from 'node:crypto'
import { expect } from 'vitest'
import { Random } from '../../bench/fraud/random.ts'
import { eventually } from '../support/eventually.ts'
import { needs } from '../support/programs.ts'
import { SharedRedis } from '../support/shared-redis.ts'
import { countingOn } from '../support/valkey-link-state.ts'
import { MAX_NETWORKS, RandomFleet } from './random-fleet.ts'

const STEPS = 100_000
const AT_ONCE = 250
const KILL_EACH = 2500
const NODES = 4
const LINKS = 800
const WANTED = 200

const withRedis = needs('redis-server', 'redis-cli')
const redis = new SharedRedis()
const seed = Number(process.env['SLUICE_SEED'] ?? randomInt(2 ** 31))

withRedis(
  `four nodes are never over a limit in ${STEPS} random starts, ends and deaths (seed ${seed})`,
  async () => {
    const prefix = redis.freshPrefix()
    const watch = await redis.connect(prefix)
    await countingOn(watch)
    const random = new Random(seed)
    const fleet = new RandomFleet(random, LINKS, () => redis.connect(prefix))
    while (fleet.nodes.length < NODES) await fleet.join()
    for (let done = 0; done < STEPS; done += AT_ONCE) {
      const steps = Array.from({ length: AT_ONCE }, () => fleet.step(WANTED))
      if (done % KILL_EACH === 0) steps.push(fleet.kill())
      await Promise.all(steps)
      expect(fleet.places.over).toEqual([])
    }
    expect(fleet.lost).toEqual([])
    expect(fleet.counts.killed).toBe(STEPS / KILL_EACH)
    expect(fleet.counts.started).toBeGreaterThan(STEPS / 20)
    expect(fleet.counts.full).toBeGreaterThan(STEPS / 100)
    expect(fleet.counts.refused).toBeGreaterThan(STEPS / 1000)

    fleet.endAll()
    expect(fleet.nodes.map(({ state }) => state.held)).toEqual(Array(NODES).fill(0))
    await eventually(
      'nothing held on the server',
      async () => ((await watch.command('KEYS', `${prefix}*}:[ld]:*`)) as string[]).length === 0,
      30_000,
    )
    for (const terms of fleet.terms) {
      const { link, maxUses, isPinned, isWatched } = terms
      const { spent, reserved } = await fleet.look(terms)
      if (maxUses !== undefined) {
        const used = fleet.used.get(link) ?? new Set()
        const perhaps = new Set([...used, ...(fleet.maybeUsed.get(link) ?? [])])
        expect(reserved, link).toBe(0)
        expect(spent, link).toBeGreaterThanOrEqual(used.size)
        expect(spent, link).toBeLessThanOrEqual(Math.min(maxUses, perhaps.size))
      }
      if (isPinned) expect(fleet.pinned.get(link)?.size ?? 0, link).toBeLessThanOrEqual(1)
      if (isWatched) {
        expect(fleet.networks.get(link)?.size ?? 0, link).toBeLessThanOrEqual(MAX_NETWORKS)
      }
    }
  },
  300_000,
)
