import { describe, expect, it } from 'vitest'
import { configFolder, gatewayProblems } from './config-folder.ts'

/** The problems of a file that holds a `state` only, without their positions. */
function problems(state: string): string[] {
  return gatewayProblems(`state: ${state}\n`).map((problem) => problem.replace(/^\S+: /, ''))
}

describe('state', () => {
  it('of many nodes needs a URL, and what belongs to it needs the driver', () => {
    expect(problems('{ driver: valkey }')).toEqual(['state.driver: valkey needs state.url'])
    expect(problems('{ url: "redis://a", onUnavailable: local }')).toEqual([
      'state.url: needs state.driver valkey',
      'state.onUnavailable: needs state.driver valkey',
    ])
  })

  it('refuses a URL that names no state, and does not repeat its password', () => {
    const found = problems('{ driver: valkey, url: "redis://:hunter2@a,b" }')
    expect(found).toEqual([
      'state.url: names several hosts: write redis+sentinel:// or redis+cluster://',
    ])
  })

  it('refuses a prefix that would choose the shard', () => {
    expect(problems('{ driver: valkey, url: "redis://a", prefix: "{a}" }')).toEqual([
      'state.prefix: expected 1 to 64 letters, digits and : . _ -',
    ])
  })

  it('takes an authority with TLS only, and a user of Sentinels with Sentinels only', () => {
    const given = 'ca: gone.pem, sentinelUsername: a'
    expect(problems(`{ driver: valkey, url: "redis://a", ${given} }`)).toEqual([
      'state.ca: needs a URL with TLS, as rediss://',
      'state.ca: cannot be read: ENOENT',
      'state.sentinelUsername: needs a URL of Sentinels, as redis+sentinel://',
    ])
  })

  it('reads the URL and passwords from variables, and refuses those that are missing or wrong', () => {
    const folder = configFolder({
      'gateway.yaml': 'state: { driver: valkey, url: "env:STATE_URL", password: "env:STATE_PW" }\n',
    })
    const { config } = folder.load({ env: { STATE_URL: 'rediss://a:7000', STATE_PW: 'secret' } })
    expect(config?.state).toMatchObject({
      driver: 'valkey',
      url: 'rediss://a:7000',
      password: 'secret',
      onUnavailable: 'deny',
      prefix: 'sluice:',
    })
    const said = (env: Record<string, string>): string[] =>
      folder.load({ env }).problems.map(({ path, message }) => `${path}: ${message}`)
    expect(said({ STATE_URL: 'redis://a' })).toEqual([
      'state.password: the environment has no variable STATE_PW',
    ])
    expect(said({ STATE_URL: 'redis://:hunter2@a/x', STATE_PW: 'secret' })).toEqual([
      'state.url: the variable STATE_URL: has a path that is no database',
    ])
  })
})
