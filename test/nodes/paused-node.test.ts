import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { eventually } from '../support/eventually.ts'
import {
  expectTaken,
  expectWhole,
  hold,
  holdWhenFree,
  nodeProcessesForTest,
} from '../support/node-processes.ts'
import { needs } from '../support/programs.ts'

const [FIRST, OTHER] = ['127.0.0.2', '127.0.0.3']
const PAUSE_MS = 30_000
/** A heartbeat is due each 1.5 s; the rest is for machines that are slow. */
const BEAT_MS = 1500
const SLACK_MS = 3000
const LINKS = 20

needs('redis-server', 'redis-cli')(
  'a node that stood still for 30 s gives up within a heartbeat what others took, and takes again what nobody did',
  async () => {
    const { nodes, origin, links } = await nodeProcessesForTest()
    const [awake, paused] = nodes
    const lost = links(LINKS)
    const untouched = links(LINKS)
    const cut = await hold(paused, lost, FIRST)
    const kept = await hold(paused, untouched, FIRST)

    const resumesAt = performance.now() + PAUSE_MS
    paused.child.signal('SIGSTOP')
    const taken = await holdWhenFree(awake, lost, OTHER, PAUSE_MS / 2)
    await delay(resumesAt - performance.now())
    paused.child.signal('SIGCONT')

    await eventually(
      'one owner each',
      () => lost.every(({ object }) => origin.openOf(object) === 1),
      BEAT_MS + SLACK_MS,
    )
    for (const { download } of cut) expect((await download.rest()).isComplete).toBe(false)
    await expectTaken(paused, lost, FIRST)
    // one heartbeat asks for all: what was not lost is taken again by now
    await expectTaken(awake, untouched, OTHER)

    origin.release()
    await expectWhole(origin, taken)
    await expectWhole(origin, kept)
    expect(untouched.map(({ object }) => origin.bodiesOf(object).length)).toEqual(kept.map(() => 1))
  },
  120_000,
)
