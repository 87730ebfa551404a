import { expect } from 'vitest'
import {
  expectTaken,
  expectWhole,
  hold,
  holdWhenFree,
  nodeProcessesForTest,
} from '../support/node-processes.ts'
import { needs } from '../support/programs.ts'

const [FIRST, OTHER] = ['127.0.0.2', '127.0.0.3']
const EACH = 500
const SAMPLE = 50
/** What a node held is free for others this long after it died. */
const FREE_WITHIN_MS = 10_000

needs('redis-server', 'redis-cli')(
  'of two nodes that hold 500 links each, one dies: its links are free on the other in 10 s, none is ever used twice, the other goes on',
  async () => {
    const { nodes, origin, links } = await nodeProcessesForTest()
    const [survivor, victim] = nodes
    const own = links(EACH)
    const orphaned = links(EACH)
    const kept = await hold(survivor, own, FIRST)
    await hold(victim, orphaned, FIRST)
    expect(origin.open).toBe(2 * EACH)

    await expectTaken(victim, own.slice(0, SAMPLE), OTHER)
    await expectTaken(survivor, orphaned.slice(0, SAMPLE), OTHER)

    await victim.kill()
    const again = await holdWhenFree(survivor, orphaned, OTHER, FREE_WITHIN_MS)
    expect(again).toHaveLength(EACH)
    await expectTaken(survivor, own.slice(-SAMPLE), OTHER)
    expect(origin.open).toBe(2 * EACH)

    origin.release()
    await expectWhole(origin, kept)
    await expectWhole(origin, again)
    expect(origin.pathsOver(1)).toEqual([])
  },
  120_000,
)
