import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { replayVector, type Vector } from '../../../src/operator/replay-vector.ts'

const folder = new URL('../../vectors/', import.meta.url)
const files = readdirSync(folder).filter(
  (name) => name.endsWith('.json') && !name.startsWith('sluice-') && name !== 'keys.json',
)

describe.each(files)('%s', (file) => {
  const vectors = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as readonly Vector[]

  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
    expect(replayVector(vector)).toBeUndefined()
  })

  it('fails when the expectation is turned round', () => {
    expect(vectors.length).toBeGreaterThan(0)
    for (const vector of vectors) {
      const turned = { ...vector, expect: vector.expect === 'allow' ? 'deny' : 'allow' } as const
      expect([vector.name, replayVector(turned)]).toEqual([
        vector.name,
        expect.stringMatching(/^expected /),
      ])
    }
  })
})
