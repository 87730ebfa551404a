import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeBase64Url,
  digestText,
  equalBytes,
  sha256,
  shortDigest,
} from '../../../src/base/bytes.ts'
import { secondsOf } from '../../../src/base/clock.ts'
import {
  asGatewayError,
  FAILURES,
  GatewayError,
  isMissing,
  messageOf,
} from '../../../src/base/failure.ts'
import { parseStrictJson } from '../../../src/base/strict-json.ts'

describe('strict base64url', () => {
  it('decodes what node encodes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = Buffer.from(bytes).toString('base64url')
        expect(decodeBase64Url(text)).toEqual(Buffer.from(bytes))
      }),
    )
  })

  it('each byte string has one spelling: whatever decodes is its own encoding', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('ABCwxyz0189-_+/= \n.')), maxLength: 12 }),
        (text) => {
          const bytes = decodeBase64Url(text)
          if (bytes) expect(bytes.toString('base64url')).toBe(text)
          else expect(Buffer.from(text, 'base64url').toString('base64url')).not.toBe(text)
        },
      ),
      { numRuns: 5000 },
    )
  })

  it.each(['A', 'AAAAA', 'AA=', 'AA==', 'AB', 'AAB', '++', '//', 'A A', 'AA\n', 'AA.', 'é'])(
    'refuses %j',
    (text) => {
      expect(decodeBase64Url(text)).toBeUndefined()
    },
  )
})

describe('digests', () => {
  it('are SHA-256', () => {
    const hash = createHash('sha256').update('über')
    const hex = hash.digest('hex')
    expect(Buffer.from(digestText('über'), 'base64url').toString('hex')).toBe(hex)
    expect(shortDigest('über')).toBe(hex.slice(0, 12))
    expect(sha256('über').toString('hex')).toBe(hex)
  })

  it('equalBytes is false for other lengths and other bytes', () => {
    expect(equalBytes(Buffer.from('ab'), Buffer.from('ab'))).toBe(true)
    expect(equalBytes(Buffer.from('ab'), Buffer.from('ac'))).toBe(false)
    expect(equalBytes(Buffer.from('ab'), Buffer.from('abc'))).toBe(false)
    expect(equalBytes(Buffer.alloc(0), Buffer.alloc(0))).toBe(true)
  })
})

describe('strict JSON', () => {
  const safe = fc
    .jsonValue({ maxDepth: 5 })
    .filter((value) => !/\d[eE.]/.test(JSON.stringify(value)))

  it('reads what JSON.parse reads when names are unique and integers plain', () => {
    fc.assert(
      fc.property(safe, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space)
        expect(parseStrictJson(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  it('never throws, and reads nothing that JSON.parse refuses', () => {
    const fragments = fc.array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ':',
        ',',
        '"a"',
        '"\\u0061"',
        '1',
        '1.0',
        '-',
        ' ',
        'null',
        '"',
        '\\',
      ),
      { maxLength: 14 },
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fragments.map((parts) => parts.join('')),
        ),
        (text) => {
          const value = parseStrictJson(text)
          expect(value).toEqual(value === undefined ? undefined : JSON.parse(text))
        },
      ),
      { numRuns: 5000 },
    )
  })

  /** Every character of a name may be written as an escape. */
  const spell = (name: string, escaped: boolean): string =>
    escaped
      ? `"${Array.from(name, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
      : JSON.stringify(name)

  it('refuses a name twice at any depth, however it is spelled', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: fc.constantFrom(...Array.from('abc":{}[]\\ ,')) }),
        fc.boolean(),
        fc.boolean(),
        fc.nat(10),
        safe,
        (name, first, second, depth, between) => {
          const object = `{${spell(name, first)} : 1, "other name": ${JSON.stringify(between)} ,\n${spell(name, second)}:2}`
          const nested = `${'{"x":['.repeat(depth / 2)}${object}${']}'.repeat(depth / 2)}`
          expect(() => JSON.parse(nested) as unknown).not.toThrow()
          expect(parseStrictJson(nested)).toBeUndefined()
        },
      ),
    )
  })

  it('the same name in different objects, or as a value, is no duplicate', () => {
    const text = '{"a":{"a":[{"a":"a"},{"a":"a: b"}]},"b":"a","c":["a","a"]}'
    expect(parseStrictJson(text)).toEqual(JSON.parse(text))
  })

  it('nesting ends at 16', () => {
    expect(parseStrictJson('['.repeat(16) + ']'.repeat(16))).toBeDefined()
    expect(parseStrictJson('['.repeat(17) + ']'.repeat(17))).toBeUndefined()
    expect(parseStrictJson(`${'{"a":'.repeat(17)}1${'}'.repeat(17)}`)).toBeUndefined()
  })

  it.each(['1.0', '1e3', '1E3', '10e-1', '[0.0]', '{"a":-2.0}', '1e-999', '1.5e1'])(
    'refuses the integer written %s',
    (text) => {
      expect(parseStrictJson(text)).toBeUndefined()
    },
  )

  it.each([
    ['1.5', 1.5],
    ['-7', -7],
    ['"1.0"', '1.0'],
    ['"1e3"', '1e3'],
    ['1e999', Infinity],
    ['0', 0],
  ])('reads %s', (text, value) => {
    expect(parseStrictJson(text)).toBe(value)
  })
})

describe('failures', () => {
  it('carry status and source of their code', () => {
    for (const code of Object.keys(FAILURES) as (keyof typeof FAILURES)[]) {
      const error = new GatewayError(code, 'text')
      expect([error.status, error.source]).toEqual([FAILURES[code].status, FAILURES[code].source])
      expect(asGatewayError(error)).toBe(error)
    }
  })

  it('what is unknown is internal and keeps its cause', () => {
    const cause = new Error('x')
    const error = asGatewayError(cause)
    expect([error.code, error.cause]).toEqual(['ERR_INTERNAL', cause])
    expect(asGatewayError('text').status).toBe(500)
  })

  it('SQLite that fails is unavailable state', () => {
    const cause = Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR' })
    expect(asGatewayError(cause)).toMatchObject({ code: 'ERR_STATE_UNAVAILABLE', status: 503 })
  })

  it('names thrown things, and knows a missing file', () => {
    expect([messageOf(new Error('x')), messageOf('y'), messageOf(undefined)]).toEqual([
      'x',
      'y',
      'undefined',
    ])
    expect(isMissing(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe(true)
    expect(isMissing(Object.assign(new Error('x'), { code: 'EACCES' }))).toBe(false)
  })
})

it('seconds are rounded down', () => {
  expect(secondsOf({ now: () => 1999, monotonic: () => 0 })).toBe(1)
})
