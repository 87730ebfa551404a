import { describe, expect, it } from 'vitest'
import { NetworkSet } from '../../../src/base/network-set.ts'
import { parseInWorker, runParser } from '../../../src/lists/parse-in-worker.ts'
import { parseList } from '../../../src/lists/parse-list.ts'
import { address } from '../../support/request-parts.ts'

const bytes = Buffer.from(
  Array.from(
    { length: 20_000 },
    (_, i) => `10.${i >> 8}.${i & 255}.0/25\n2001:db8:${i.toString(16)}::/48\n`,
  ).join(''),
)

const broken = (code: string): URL => new URL(`data:text/javascript,${encodeURIComponent(code)}`)

describe('parsing in a thread', () => {
  it('gives what parsing here gives, and leaves the bytes to their owner', async () => {
    const before = Buffer.from(bytes)
    const parsed = await parseInWorker(bytes, 'netset')
    expect(parsed).toEqual(parseList(bytes, 'netset'))
    expect(parsed.entries).toBe(40_000)
    expect(new NetworkSet(parsed.networks).has(address('2001:db8:4e1f::1'))).toBe(true)
    expect(bytes.equals(before)).toBe(true)
  })

  it('hands problems over as well', async () => {
    const parsed = await runParser({ bytes: Buffer.from('192.0.2.1\nx\n'), format: 'netset' })
    expect(parsed.problems).toEqual([
      { line: 2, column: 1, message: 'expected an address or a CIDR' },
    ])
  })

  it('takes a part of a larger buffer', async () => {
    const part = Buffer.from('x192.0.2.1x').subarray(1, -1)
    const { entries, problems } = await runParser({ bytes: part, format: 'netset' })
    expect([entries, problems]).toEqual([1, []])
  })

  it('rejects with the cause when the thread breaks', async () => {
    const module = broken('throw new Error("out of order")')
    await expect(runParser({ bytes, format: 'netset' }, module)).rejects.toMatchObject({
      code: 'ERR_INTERNAL',
      cause: { message: 'out of order' },
    })
  })

  it('rejects when the thread ends without a word', async () => {
    const module = broken('process.exit(3)')
    await expect(runParser({ bytes, format: 'netset' }, module)).rejects.toThrow('ended with 3')
  })
})
