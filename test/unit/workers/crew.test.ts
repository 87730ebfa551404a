import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import type { WorkerStart } from '../../../src/workers/calls.ts'
import { Crew } from '../../../src/workers/crew.ts'
import { eventually } from '../../support/eventually.ts'
import { SCRIPTS } from '../../support/worker-scripts.ts'

const PROGRAM = fileURLToPath(new URL('../../support/scripted-worker.ts', import.meta.url))
const REVOCATION = { id: 'r', created_at: 0 as never, link_id: 'l' }

/** Two workers; the digest that the next one is started with can be changed. */
async function crewForTest(digest: string) {
  const said: string[] = []
  const happened: string[] = []
  const next = { digest }
  const crew = new Crew({
    count: 2,
    program: PROGRAM,
    start: () => ({ digest: next.digest }) as WorkerStart,
    serve: () => ({
      calls: { log: () => happened.push('call') } as never,
      release: () => happened.push('release'),
    }),
    log: (_level, message) => said.push(message),
  })
  onTestFinished(() => crew.drain(0))
  await crew.start()
  return { crew, next, said, happened }
}

test('a worker that does not take a change is ended, and one that begins with it has its place', async () => {
  const { crew, next, said } = await crewForTest(SCRIPTS.refusesRevocations)
  next.digest = 'good'
  await crew.everywhere('revoked', REVOCATION)
  await eventually('both are replaced', () => crew.lost === 2 && crew.serving === 2)
  expect(said.join('\n')).toContain('did not take "revoked", and is ended: it cannot be kept')
  await crew.everywhere('revoked', REVOCATION)
  expect(crew.lost).toBe(2)
})

test('a worker that keeps another configuration than the one in force is ended', async () => {
  const { crew, next } = await crewForTest(SCRIPTS.keepsItsConfiguration)
  await crew.prepare(false, 'new')
  next.digest = 'new'
  await crew.everywhere('use', { digest: 'new' })
  await eventually('both are replaced', () => crew.lost === 2 && crew.serving === 2)
})

test('files that a worker loads otherwise than the primary are not used', async () => {
  const { crew } = await crewForTest('good')
  await expect(crew.prepare(false, 'other')).rejects.toThrow('the files changed')
})

test('a worker that is about to fail its start keeps no reload out', async () => {
  const { crew, next, said } = await crewForTest(SCRIPTS.diesTalking)
  next.digest = SCRIPTS.doesNotStart
  await crew.everywhere('revoked', REVOCATION)
  await eventually('others start', () => crew.lost === 2)
  await crew.prepare(false, 'new')
  next.digest = 'new'
  await crew.everywhere('use', { digest: 'new' })
  await eventually('they serve', () => crew.serving === 2)
  expect(said.join('\n')).toContain('does not start')
})

test('what a worker held is released behind the last call that it made', async () => {
  const { crew, next, happened } = await crewForTest(SCRIPTS.diesTalking)
  next.digest = 'good'
  await crew.everywhere('revoked', REVOCATION)
  await eventually('both are replaced', () => crew.lost === 2 && crew.serving === 2)
  expect(happened.filter((what) => what === 'call')).toHaveLength(200)
  expect(happened.filter((what) => what === 'release')).toHaveLength(2)
  expect(happened.at(-1)).toBe('release')
})
