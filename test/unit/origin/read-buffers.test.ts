import { describe, expect, it } from 'vitest'
import { ReadBuffers, ReadPace, READ_SIZES } from '../../../src/origin/read-buffers.ts'

const [SMALL, MIDDLE, LARGE] = READ_SIZES

describe('ReadBuffers', () => {
  it('large buffers come out of a budget and small ones always', () => {
    const buffers = new ReadBuffers({ largeBytes: LARGE + MIDDLE, maxIdleBytes: 0 })
    const sizes = [LARGE, LARGE, MIDDLE, MIDDLE, SMALL].map((size) => buffers.take(size).length)
    expect(sizes).toEqual([LARGE, SMALL, MIDDLE, SMALL, SMALL])
  })

  it('what is given or forgotten comes back into the budget', () => {
    const buffers = new ReadBuffers({ largeBytes: LARGE, maxIdleBytes: 0 })
    buffers.give(buffers.take(LARGE))
    buffers.forget(buffers.take(LARGE))
    expect(buffers.take(LARGE).length).toBe(LARGE)
  })

  it('given memory is used again, forgotten memory is not, and no more is kept than allowed', () => {
    const buffers = new ReadBuffers({ largeBytes: 0, maxIdleBytes: SMALL })
    const [first, second, third] = [buffers.take(SMALL), buffers.take(SMALL), buffers.take(SMALL)]
    buffers.forget(third)
    buffers.give(first)
    buffers.give(second)
    expect(buffers.take(SMALL)).toBe(first)
    const next = buffers.take(SMALL)
    expect(next).not.toBe(second)
    expect(next).not.toBe(third)
  })
})

describe('ReadPace', () => {
  it('grows while filled reads are taken, and only then', () => {
    const pace = new ReadPace()
    for (let i = 0; i < 100; i++) pace.passed(SMALL, false)
    expect(pace.size).toBe(SMALL)
    pace.passed(SMALL, true)
    expect(pace.size).toBe(MIDDLE)
    for (let i = 0; i < 16; i++) pace.passed(MIDDLE, true)
    expect(pace.size).toBe(LARGE)
    pace.reset()
    expect(pace.size).toBe(SMALL)
  })

  it('a refusal that ends soon counts like a taken chunk', () => {
    const pace = new ReadPace()
    for (let i = 0; i < 8; i++) {
      pace.refused()
      pace.resumed(SMALL, true)
    }
    expect(pace.size).toBe(MIDDLE)
  })
})
