import { readFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { openDownload, send } from '../support/http-client.ts'
import { needs } from '../support/programs.ts'
import { redisForTest } from '../support/redis.ts'
import { startNodes } from '../support/test-nodes.ts'

const withRedis = needs('redis-server', 'redis-cli')

/** The user that docs/many-nodes.md shows, without the word `user`. */
function documentedUser(password: string): string {
  const page = readFileSync(new URL('../../docs/many-nodes.md', import.meta.url), 'utf8')
  const line = /^ *user (sluice on .*)$/m.exec(page)?.[1]
  if (line === undefined) throw new Error('docs/many-nodes.md shows no user')
  return line.replace('PASSWORD', password)
}

describe('the user of the state that the docs show', () => {
  withRedis(
    'is all that a gateway needs, and no key of others is in its reach',
    async () => {
      const redis = await redisForTest({ users: [documentedUser('secret')] })
      const nodes = await startNodes({
        url: `redis://sluice:secret@127.0.0.1:${redis.port}`,
        files: { 'a.bin': Buffer.alloc(20_000_000, 'a') },
        config: { lists: { guests: {} } },
      })
      try {
        const { a, b } = nodes
        const once = a.sign('/files/a.bin', { jti: 'once', multi_use: 'false' })
        expect((await send(a, once)).status).toBe(200)
        await eventually('spent', async () => (await send(b, once)).status === 410)

        const limited = a.sign('/files/a.bin', { jti: 'one', max_parallel_downloads: 1 })
        const open = await openDownload(a, limited)
        const posted = await b.admin('/v1/revocations', {
          method: 'POST',
          body: { link_id: 'one', end_downloads: true },
          headers: { 'idempotency-key': 'k' },
        })
        expect(posted.status).toBe(201)
        expect((await open.rest()).isComplete).toBe(false)
        await eventually('revoked', async () => (await send(a, limited)).status === 410)

        const put = await a.admin('/v1/lists/guests/192.0.2.0%2F24', { method: 'PUT', body: {} })
        expect(put.status).toBeLessThan(300)
        await eventually('listed', async () =>
          (await (await b.admin('/v1/lists/guests')).text()).includes('192.0.2.0/24'),
        )
        expect((await b.admin('/v1/downloads')).status).toBe(200)

        const denied = await redis.cli('ACL', 'LOG')
        expect(denied).toBe('')
        expect(await redis.cli('ACL', 'DRYRUN', 'sluice', 'GET', 'other:key')).toContain('no perm')
        expect(await redis.cli('ACL', 'DRYRUN', 'sluice', 'FLUSHALL')).toContain('no perm')
      } finally {
        await nodes.close()
      }
    },
    60_000,
  )
})
