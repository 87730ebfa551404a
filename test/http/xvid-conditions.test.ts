import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findTag } from '../../src/tag/carriers.ts'
import { targetOf } from '../support/api-client.ts'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { openDownload, send } from '../support/http-client.ts'
import { NOW } from '../support/request-parts.ts'
import { MemoryFile } from '../support/taggable-files.ts'
import {
  answerOf,
  errorJson,
  FORBIDDEN,
  INVALID,
  LARGE,
  OTHER_TOKEN,
  PIRATE,
  TOR_EXIT,
  startXvidGateway,
  XVID_PATH,
  XVID_TOKEN,
  type XvidGateway,
} from '../support/xvid-gateway.ts'

const [A, B, C] = ['5.9.0.1', '8.8.8.8', '212.58.244.1']

let xvid: XvidGateway

beforeAll(async () => {
  xvid = await startXvidGateway()
})

afterAll(async () => {
  await xvid.gateway.close()
})
/** Does something at a later time; the next test begins where this one did. */
async function later(seconds: number, work: () => Promise<void>): Promise<void> {
  xvid.clock.advance(seconds)
  try {
    await work()
  } finally {
    xvid.clock.advance(-seconds)
  }
}

describe('a condition of a call holds where the URL is used:', () => {
  test('expiry_time', async () => {
    const link = await xvid.linkOf(`file_id=film&expiry_time=${NOW + 10}`)
    expect((await xvid.fetchAs(link)).status).toBe(200)
    await later(10, async () => {
      expectProblem(await xvid.fetchAs(link, B), 410, 'link_expired')
    })
    for (const time of [NOW, NOW - 1, 0, NOW + 86_401, 99_999_999_999]) {
      expect(answerOf(await xvid.call(`file_id=film&expiry_time=${time}`))).toEqual(INVALID)
    }
    expect((await xvid.call(`file_id=film&expiry_time=${NOW + 86_400}`)).status).toBe(200)
  })

  test('ip, in the unsigned and the signed form', async () => {
    const unsigned = 5 * 2 ** 24 + 9 * 2 ** 16 + 1
    for (const ip of [unsigned, (5 << 24) | (9 << 16) | 1]) {
      const link = await xvid.linkOf(`file_id=film&ip=${ip}`)
      expect((await xvid.fetchAs(link, A)).status).toBe(200)
      expectProblem(await xvid.fetchAs(link, B), 403, 'address_not_allowed')
    }
    const high = (192 << 24) | (168 << 16) | (2 << 8) | 1
    expect(high).toBeLessThan(0)
    const link = await xvid.linkOf(`file_id=film&ip=${high}`)
    expect((await xvid.fetchAs(link, '192.168.2.1')).status).toBe(200)
    expectProblem(await xvid.fetchAs(link, '192.168.2.2'), 403, 'address_not_allowed')
  })

  test('max_parallel_downloads', async () => {
    const link = await xvid.linkOf('file_id=large&max_parallel_downloads=2')
    const open = async (client: string) =>
      openDownload(xvid.gateway, link, { headers: { 'x-forwarded-for': client } })
    const first = await open(A)
    const second = await open(B)
    expect([first.status, second.status]).toEqual([200, 200])
    expectProblem(await xvid.fetchAs(link, C), 429, 'too_many_downloads')
    expect((await first.rest()).body.equals(LARGE)).toBe(true)
    await eventually('free', async () => (await xvid.fetchAs(link, C)).status === 200)
    second.kill()
    expect((await xvid.call('file_id=large&max_parallel_downloads=11')).status).toBe(400)
  })

  test('multi_use', async () => {
    const once = await xvid.linkOf('file_id=film&multi_use=false')
    expect((await xvid.fetchAs(once, A)).status).toBe(200)
    expectProblem(await xvid.fetchAs(once, B), 410, 'link_used')
    for (const query of ['file_id=film&multi_use=true', 'file_id=film']) {
      const often = await xvid.linkOf(query)
      expect([
        (await xvid.fetchAs(often, A)).status,
        (await xvid.fetchAs(often, B)).status,
      ]).toEqual([200, 200])
    }
  })

  test('anti_fraud', async () => {
    const guarded = await xvid.linkOf('file_id=film&anti_fraud=true')
    expect((await xvid.fetchAs(guarded, A)).status).toBe(200)
    expectProblem(await xvid.fetchAs(guarded, PIRATE), 403, 'network_blocked')
    expectProblem(await xvid.fetchAs(guarded, TOR_EXIT), 403, 'anonymizer_blocked')
    for (const network of ['5.9.1.1', '5.9.2.1']) {
      expect((await xvid.fetchAs(guarded, network)).status).toBe(200)
    }
    expectProblem(await xvid.fetchAs(guarded, '5.9.3.1'), 403, 'link_shared')
    for (const query of ['file_id=film&anti_fraud=false', 'file_id=film']) {
      const open = await xvid.linkOf(query)
      for (const client of [A, PIRATE, TOR_EXIT, '5.9.1.1', '5.9.2.1', '5.9.3.1']) {
        expect((await xvid.fetchAs(open, client)).status).toBe(200)
      }
    }
  })

  test('streaming', async () => {
    const disposition = async (query: string): Promise<string> =>
      String((await xvid.fetchAs(await xvid.linkOf(query))).headers['content-disposition'])
    expect(await disposition('file_id=note&streaming=true')).toMatch(/^inline/)
    expect(await disposition('file_id=note&streaming=false')).toMatch(/^attachment/)
    expect(await disposition('file_id=note')).toMatch(/^attachment/)
  })

  test('autograph_tag', async () => {
    const plain = await xvid.fetchAs(await xvid.linkOf('file_id=film'))
    const reply = await xvid.fetchAs(await xvid.linkOf('file_id=film&autograph_tag=order%207'))
    expect(reply.status).toBe(200)
    expect(await findTag(new MemoryFile(reply.body))).toBeTypeOf('string')
    expect(await findTag(new MemoryFile(plain.body))).toBeUndefined()
    expect(reply.headers.etag).not.toBe(plain.headers.etag)
  })

  test('autograph_tag is refused for a type that carries none', async () => {
    expect(answerOf(await xvid.call('file_id=note&autograph_tag=x'))).toEqual({
      status: 400,
      body: errorJson('0x0230003', "Tag refused: text/plain can't carry a tag"),
    })
    expect((await xvid.call('file_id=archive&autograph_tag=x')).status).toBe(400)
  })
})

describe('a signed call', () => {
  const query = (more: string): string => `file_id=film&${more}client_id=shop`

  test('needs no token', async () => {
    for (const path of [XVID_PATH, `${XVID_PATH}/`]) {
      const reply = await send(xvid.gateway, xvid.signed(query(''), path))
      expect(reply.status).toBe(200)
    }
    const wrong = xvid.signed(query('')).replace(/.{4}$/, 'beef')
    for (const target of [
      wrong,
      `${xvid.signed(query(''))}&ip=1`,
      xvid.signed(query('')).replace('film', 'note'),
      xvid.signed(query('')).replace('?', '/?'),
      xvid.signed('file_id=film&client_id=other'),
    ]) {
      expect(answerOf(await send(xvid.gateway, target))).toEqual(FORBIDDEN)
    }
  })

  test('with redirect is itself a link', async () => {
    const time = NOW + 1000
    const target = xvid.signed(query(`redirect=true&autograph_tag=t&expiry_time=${time}&`))
    const { status, headers } = await send(xvid.gateway, target)
    expect(status).toBe(302)
    expect(headers.location).toContain(`Expires=${time}`)
    const reply = await xvid.fetchAs(targetOf(xvid.gateway, headers.location ?? null))
    expect(await findTag(new MemoryFile(reply.body))).toBeTypeOf('string')
  })

  const redirectOf = async (target: string): Promise<string> =>
    targetOf(xvid.gateway, (await send(xvid.gateway, target)).headers.location ?? null)

  test('that may be used once is one link, however often it is made', async () => {
    const target = xvid.signed(query(`redirect=true&multi_use=false&expiry_time=${NOW + 600}&`))
    const first = await redirectOf(target)
    await later(5, async () => {
      expect(await redirectOf(target)).toBe(first)
    })
    expect((await xvid.fetchAs(first, A)).status).toBe(200)
    expectProblem(await xvid.fetchAs(await redirectOf(target), B), 410, 'link_used')
    const other = xvid.signed(query(`multi_use=false&redirect=true&expiry_time=${NOW + 600}&`))
    expect((await xvid.fetchAs(await redirectOf(other), B)).status).toBe(200)
  })

  test('that may be used once and says no end ends 180 seconds after it came first', async () => {
    const target = xvid.signed(query('redirect=true&multi_use=false&'))
    const first = await redirectOf(target)
    expect(first).toContain(`Expires=${NOW + 180}`)
    await later(179, async () => {
      expect(await redirectOf(target)).toBe(first)
    })
    await later(180, async () => {
      expect(answerOf(await send(xvid.gateway, target))).toEqual(INVALID)
    })
  })

  test('that limits downloads limits them however often it is made', async () => {
    const target = xvid.signed(
      'file_id=large&redirect=true&max_parallel_downloads=1&client_id=shop',
    )
    const headers = { 'x-forwarded-for': A }
    const first = await openDownload(xvid.gateway, await redirectOf(target), { headers })
    expect(first.status).toBe(200)
    await later(2, async () => {
      const again = await redirectOf(target)
      expectProblem(await xvid.fetchAs(again, B), 429, 'too_many_downloads')
      await first.rest()
      await eventually('free', async () => (await xvid.fetchAs(again, B)).status === 200)
    })
  })

  test('says who it is twice only with one voice', async () => {
    const target = xvid.signed(query(''))
    expect(
      (await send(xvid.gateway, target, { headers: { authorization: `Bearer ${XVID_TOKEN}` } }))
        .status,
    ).toBe(200)
    for (const authorization of [`Bearer ${OTHER_TOKEN}`, 'Bearer x', 'Basic x']) {
      expect((await send(xvid.gateway, target, { headers: { authorization } })).status).toBe(403)
    }
    expect((await xvid.call('file_id=film&client_id=shop')).status).toBe(200)
    expect((await xvid.call('file_id=film&client_id=other')).status).toBe(403)
  })
})
