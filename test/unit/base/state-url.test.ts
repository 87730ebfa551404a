import { describe, expect, it } from 'vitest'
import { parseStateUrl } from '../../../src/base/state-url.ts'

describe('the URL of the shared state', () => {
  it('names one server, with TLS, a user and a database', () => {
    expect(parseStateUrl('rediss://us%40er:p%3Aw@state.example:7000/3')).toEqual({
      kind: 'single',
      isTls: true,
      hosts: [{ host: 'state.example', port: 7000 }],
      master: undefined,
      database: 3,
      username: 'us@er',
      password: 'p:w',
    })
  })

  it('names Sentinels and the master', () => {
    expect(parseStateUrl('redis+sentinel://:pw@a,[::1]:26380/main')).toMatchObject({
      kind: 'sentinel',
      isTls: false,
      hosts: [
        { host: 'a', port: 26_379 },
        { host: '::1', port: 26_380 },
      ],
      master: 'main',
      username: undefined,
      password: 'pw',
    })
  })

  it('names nodes of a Cluster', () => {
    expect(parseStateUrl('valkeys+cluster://a:1,b:2')).toMatchObject({
      kind: 'cluster',
      isTls: true,
      hosts: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
    })
  })

  it.each([
    ['http://:hunter2@a', /^expected redis:/],
    ['redis://:hunter2@a,b', /several hosts/],
    ['redis://:hunter2@a:70000', /wrong port/],
    ['redis://:hunter2@a/x', /no database/],
    ['redis://:hunter2@a/1/2', /no database/],
    ['redis+sentinel://:hunter2@a', /name of the master/],
    ['redis+cluster://:hunter2@a/1', /database 0 only/],
    ['redis://:hunter2%@a', /percent-encoded/],
  ])('%s is refused without its password', (text, why) => {
    const found = parseStateUrl(text)
    expect(found).toMatch(why)
    expect(found).not.toContain('hunter2')
  })
})
