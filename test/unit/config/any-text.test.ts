import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadKeys } from '../../../src/config/keys.ts'
import { parseList } from '../../../src/lists/parse-list.ts'
import { formatProblem } from '../../../src/config/problem.ts'
import { configFolder, GATEWAY } from './config-folder.ts'

const FRAGMENTS = [
  ': |: |server|routes|origins|lists|policies|networks|block|__proto__|a|~|.nan|\n|\n|\n  |\n  |- |[|]|{|}|,'.split(
    '|',
  ),
  ['|', '&a ', '*a', '!!x ', '? ', '<<: ', '"', "'", '#'],
].flat()

/** Text that looks like YAML often enough to get past the parser. */
const yamlish = fc
  .array(fc.constantFrom(...FRAGMENTS), { maxLength: 40 })
  .map((parts) => parts.join(''))

const anyText = fc.oneof(fc.string({ unit: 'binary' }), yamlish, fc.json())

describe('whatever the text', () => {
  it('loading says what is wrong and never throws', () => {
    const folder = configFolder()
    fc.assert(
      fc.property(anyText, anyText, anyText, (gateway, policy, key) => {
        folder.write('gateway.yaml', gateway)
        folder.write('policies/default.yaml', policy)
        folder.write('keys/a.json', key)
        const { config, problems } = folder.load({ env: { SLUICE_SERVER: gateway }, set: [policy] })
        expect(config === undefined).toBe(problems.length > 0)
        for (const problem of problems) expect(formatProblem(problem)).toMatch(/^[^]+: [^]+: [^]+$/)
        loadKeys(folder.path('keys'))
      }),
      { numRuns: 300 },
    )
  })

  it('a broken policy never hides behind a good gateway', () => {
    const folder = configFolder({ 'gateway.yaml': GATEWAY })
    fc.assert(
      fc.property(anyText, (policy) => {
        folder.write('policies/default.yaml', policy)
        const { config, problems, policies } = folder.load()
        expect(config === undefined).toBe(problems.length > 0)
        expect(policies.has('default')).toBe(problems.length === 0)
      }),
      { numRuns: 200 },
    )
  })

  it('nesting without end, bombs of aliases and aliases to themselves are problems', () => {
    const bomb = [
      'a: &a [x, x]',
      ...'bcdefghij'
        .split('')
        .map((c, i) => `${c}: &${c} [${'*_,'.replace('_', 'abcdefghi'[i] ?? '').repeat(20)}]`),
    ]
    for (const text of [
      '['.repeat(100_000),
      '&a [*a]',
      'server: &a { port: *a }',
      bomb.join('\n'),
    ]) {
      const { config, problems } = configFolder({ 'gateway.yaml': text }).load()
      expect(config).toBeUndefined()
      expect(problems.length).toBeGreaterThan(0)
    }
  })

  it('a netset gives networks or problems', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { entries, problems } = parseList(Buffer.from(text), 'netset')
        expect(entries + problems.length).toBeGreaterThan(0)
      }),
    )
  })
})
