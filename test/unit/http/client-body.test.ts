import { createServer, get, type IncomingMessage } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Transfer } from '../../../src/base/byte-sink.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { GatewayError } from '../../../src/base/failure.ts'
import { ClientBody } from '../../../src/http/client-body.ts'
import { Exchange } from '../../../src/http/exchange.ts'
import { listen, urlOf } from '../../../src/gateway/listeners.ts'
import { SharedRate } from '../../../src/lease/rate.ts'
import { eventually } from '../../support/eventually.ts'

const BYTES = Buffer.from('0123456789')

/** Calls of one transfer, in their order. */
class HandTransfer implements Transfer {
  readonly calls: string[] = []

  resume(): void {
    this.calls.push('resume')
  }

  abort(): void {
    this.calls.push('abort')
  }
}

/** A body of ten bytes whose counting ends when the test says so. */
async function startBody({ rate }: { readonly rate?: SharedRate } = {}) {
  const counting: { range: string; settle: PromiseWithResolvers<void> }[] = []
  const transfer = new HandTransfer()
  const ends: string[] = []
  const begun = Promise.withResolvers<ClientBody>()
  const server = createServer((request, response) => {
    const exchange = new Exchange(request, response, systemClock)
    response.once('close', () => {
      exchange.close(() => undefined)
      ends.push('closed')
    })
    const body = new ClientBody(exchange, {
      status: 200,
      headers: ['Content-Length', String(BYTES.length)],
      length: BYTES.length,
      rate,
      count: (start, end) => {
        const settle = Promise.withResolvers<void>()
        counting.push({ range: `${start}-${end}`, settle })
        return settle.promise
      },
      onPartEnd: () => {
        ends.push('part')
        body.finish()
      },
      onFailure: ({ code }) => {
        ends.push(code)
        response.destroy()
      },
    })
    body.follow(0, () => transfer)
    begun.resolve(body)
  })
  await listen(server, '127.0.0.1', 0)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const received: string[] = []
  const request = get(urlOf('127.0.0.1', server), (answer: IncomingMessage) => {
    received.push('head')
    answer.setEncoding('latin1').on('data', (text: string) => received.push(text))
    answer.on('error', () => received.push('cut'))
    answer.on('end', () => received.push('end'))
  })
  request.on('error', () => received.push('cut'))
  return { body: await begun.promise, counting, transfer, ends, received, request }
}

/** Settles what was counted as `number`th. */
function countedIn(
  counting: Awaited<ReturnType<typeof startBody>>['counting'],
  number: number,
): PromiseWithResolvers<void> {
  const found = counting[number]
  if (!found) throw new Error(`nothing was counted as number ${number}`)
  return found.settle
}

/** Long enough for bytes that wait for nothing to arrive. */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await nextTurn()
}

describe('bytes that have to be counted elsewhere', () => {
  it('go out when they are counted, and not before', async () => {
    const { body, counting, transfer, ends, received } = await startBody()
    expect(body.write(BYTES.subarray(0, 4))).toBe(false)
    await someTurns()
    expect([received, transfer.calls]).toEqual([[], []])
    countedIn(counting, 0).resolve()
    await eventually('sent', () => received.join() === 'head,0123')
    expect(transfer.calls).toEqual(['resume'])
    expect(body.write(BYTES.subarray(4))).toBe(false)
    countedIn(counting, 1).resolve()
    await eventually('sent on', () => transfer.calls.length === 2)
    body.end()
    await eventually('ended', () => received.at(-1) === 'end' && ends.at(-1) === 'closed')
    expect(received.slice(1, -1).join('')).toBe(BYTES.toString())
    expect(counting.map(({ range }) => range)).toEqual(['0-4', '4-10'])
    expect(ends).toEqual(['part', 'closed'])
  })

  it('end the part once when the transfer ended while they waited', async () => {
    const { body, counting, transfer, ends, received } = await startBody()
    body.write(BYTES)
    body.end()
    await someTurns()
    expect([received, ends]).toEqual([[], []])
    countedIn(counting, 0).resolve()
    await eventually('ended', () => received.at(-1) === 'end' && ends.at(-1) === 'closed')
    expect(received.slice(1, -1).join('')).toBe(BYTES.toString())
    expect(ends).toEqual(['part', 'closed'])
    expect(transfer.calls).not.toContain('resume')
  })

  it('never go out when they cannot be counted, and nothing follows them', async () => {
    const { body, counting, transfer, ends, received } = await startBody()
    body.write(BYTES.subarray(0, 4))
    countedIn(counting, 0).resolve()
    await eventually('sent', () => received.join() === 'head,0123')
    body.write(BYTES.subarray(4))
    body.end()
    countedIn(counting, 1).reject(new GatewayError('ERR_STATE_UNAVAILABLE', 'away'))
    await eventually('cut', () => received.includes('cut'))
    expect(received.join()).toBe('head,0123,cut')
    expect(transfer.calls).toContain('abort')
    expect(ends[0]).toBe('ERR_STATE_UNAVAILABLE')
    expect(ends).not.toContain('part')
  })

  it('are dropped when the client is gone before they are counted', async () => {
    const { body, counting, transfer, ends, request } = await startBody()
    body.write(BYTES)
    body.end()
    request.destroy()
    await eventually('closed', () => ends.includes('closed'))
    countedIn(counting, 0).resolve()
    await someTurns()
    expect(ends).toEqual(['closed'])
    expect(transfer.calls).toEqual(['abort'])
  })

  it('wait piece by piece under a rate', async () => {
    const rate = new SharedRate(1_000_000, systemClock)
    const { body, counting, ends, received } = await startBody({ rate })
    body.write(BYTES)
    body.end()
    await eventually('asked', () => counting.length === 1)
    await someTurns()
    expect([received, ends]).toEqual([[], []])
    countedIn(counting, 0).resolve()
    await eventually('ended', () => received.at(-1) === 'end' && ends.at(-1) === 'closed')
    expect(ends).toEqual(['part', 'closed'])
  })
})
