import { expect, test } from 'vitest'
import { Channel } from '../../../src/workers/channel.ts'

interface Mine {
  take(argument: string): void
}

test('nothing is begun for a process that is gone, and nobody waits for it', async () => {
  const taken: string[] = []
  const posted: unknown[] = []
  const channel: Channel<Mine, Mine> = new Channel({
    post: (batch) => posted.push(batch),
    calls: { take: (argument) => taken.push(argument) },
    onFailure: () => undefined,
  })
  const waiting = channel.ask('take', 'asked before')
  channel.receive([{ kind: 'tell', name: 'take', value: 'one' }])
  channel.close()
  channel.receive([{ kind: 'tell', name: 'take', value: 'two' }])
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_STATE_UNAVAILABLE' })
  await expect(channel.ask('take', 'later')).rejects.toMatchObject({
    code: 'ERR_STATE_UNAVAILABLE',
  })
  expect(taken).toEqual(['one'])
  expect(posted).toEqual([])
})
