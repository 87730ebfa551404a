import { describe, expect, test } from 'vitest'
import { isPublicAddress } from '../../../src/base/special-addresses.ts'
import { SourceRule } from '../../../src/task/source-rule.ts'

const RULE = new SourceRule(
  ['media.example', 'ports.example:8080', 'xn--mnchen-3ya.example', '8.8.8.8', '127.0.0.1'],
  isPublicAddress,
)

describe('a source rule', () => {
  test.each([
    ['http://media.example/a', 'http://media.example/a'],
    ['https://media.example/a?b=c', 'https://media.example/a?b=c'],
    ['https://media.example:443/', 'https://media.example/'],
    ['http://media.example:80/', 'http://media.example/'],
    ['HTTP://MEDIA.EXAMPLE/A', 'http://media.example/A'],
    ['http://ports.example:8080/', 'http://ports.example:8080/'],
    ['https://ports.example:8080/', 'https://ports.example:8080/'],
    ['http://media.example:8080/', 'http://media.example:8080/'],
    ['https://media.example:80/', 'https://media.example:80/'],
    ['https://münchen.example/', 'https://xn--mnchen-3ya.example/'],
    ['http://8.8.8.8/', 'http://8.8.8.8/'],
    ['http://134744072/', 'http://8.8.8.8/'],
  ])('allows %s', (text, href) => {
    expect(RULE.judge(text)).toEqual(new URL(href))
  })

  test.each([
    ['another port than the one that is named', 'http://ports.example:8081/'],
    ['a missing port', 'http://ports.example/'],
    ['another host', 'http://example/'],
    ['an address inside, although it is listed', 'http://127.0.0.1/'],
    ['a URL that is too long', `http://media.example/${'a'.repeat(9000)}`],
  ])('refuses %s', (_, text) => {
    expect(RULE.judge(text)).toEqual({ refused: expect.any(String) as string })
  })

  test('never repeats what the URL holds', () => {
    const { refused = '' } = RULE.judge('http://user:hunter2@media.example/?key=hunter2') as {
      refused?: string
    }
    expect(refused).not.toBe('')
    expect(refused).not.toContain('hunter2')
  })

  test('lets no redirect out of TLS', () => {
    const from = new URL('https://media.example/a')
    expect(() => RULE.next(from, 'http://media.example/b')).toThrow('out of TLS')
    expect(RULE.next(from, '/b').href).toBe('https://media.example/b')
  })

  test('redirects go to allowed hosts alone, on any port where none is named', () => {
    const from = new URL('http://media.example:9000/a')
    expect(RULE.next(from, 'http://media.example:9001/b').port).toBe('9001')
    expect(() => RULE.next(from, 'http://ports.example:8081/')).toThrow('not allowed')
    expect(() => RULE.next(from, 'ftp://media.example/')).toThrow('not allowed')
  })

  test('nothing is allowed where no host is named', () => {
    expect(new SourceRule([], () => true).judge('http://media.example/')).toHaveProperty('refused')
  })
})
