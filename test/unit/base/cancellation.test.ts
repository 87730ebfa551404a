import { describe, expect, it } from 'vitest'
import { LightCancellation } from '../../../src/base/cancellation.ts'

describe('a light cancellation', () => {
  it('tells each listener once, those alone that still listen', () => {
    const cancellation = new LightCancellation()
    const told: string[] = []
    const gone = (): void => void told.push('gone')
    cancellation.addEventListener('abort', () => told.push('a'))
    cancellation.addEventListener('abort', gone)
    cancellation.addEventListener('abort', () => told.push('b'))
    cancellation.removeEventListener('abort', gone)
    expect([cancellation.aborted, told]).toEqual([false, []])
    cancellation.abort()
    cancellation.abort()
    expect([cancellation.aborted, told]).toEqual([true, ['a', 'b']])
  })

  it('lets a listener remove another while it is told', () => {
    const cancellation = new LightCancellation()
    const told: string[] = []
    const second = (): void => void told.push('second')
    cancellation.addEventListener('abort', () => {
      told.push('first')
      cancellation.removeEventListener('abort', second)
    })
    cancellation.addEventListener('abort', second)
    cancellation.abort()
    expect(told).toEqual(['first'])
  })
})
