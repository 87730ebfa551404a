import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  awsProvider,
  type CredentialProvider,
  ProvidedCredentials,
} from '../../../../src/origin/s3/s3-credentials.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

/** In seconds. */
const MINUTE = 60

function counting(clock: FakeClock, minutes: number | undefined) {
  let count = 0
  const provider = vi.fn<CredentialProvider>(async () => ({
    accessKeyId: `AK${++count}`,
    secretAccessKey: 's',
    ...(minutes !== undefined && { expiration: new Date(clock.now() + minutes * MINUTE * 1000) }),
  }))
  return provider
}

describe('ProvidedCredentials', () => {
  it('are asked for once, by however many requests', async () => {
    const clock = new FakeClock()
    const provider = counting(clock, undefined)
    const source = new ProvidedCredentials(provider, clock)
    const first = await Promise.all([source.get(), source.get()])
    expect(first.map(({ accessKeyId }) => accessKeyId)).toEqual(['AK1', 'AK1'])
    clock.advance(10_000 * MINUTE)
    expect(source.get()).toMatchObject({ accessKeyId: 'AK1' })
    expect(provider).toHaveBeenCalledTimes(1)
  })

  it('are renewed before they end, and nobody waits for that', async () => {
    const clock = new FakeClock()
    const source = new ProvidedCredentials(counting(clock, 60), clock)
    await source.get()
    clock.advance(56 * MINUTE)
    expect(source.get()).toMatchObject({ accessKeyId: 'AK1' })
    await vi.waitFor(() => {
      expect(source.get()).toMatchObject({ accessKeyId: 'AK2' })
    })
  })

  it('that ended are not used', async () => {
    const clock = new FakeClock()
    const source = new ProvidedCredentials(counting(clock, 60), clock)
    await source.get()
    clock.advance(60 * MINUTE)
    expect(await source.get()).toMatchObject({ accessKeyId: 'AK2' })
  })

  it('are asked for anew when the store calls them expired', async () => {
    const clock = new FakeClock()
    const provider = counting(clock, 60)
    const source = new ProvidedCredentials(provider, clock)
    const first = await source.get()
    expect(await source.renew(first)).toMatchObject({ accessKeyId: 'AK2' })
    expect(provider).toHaveBeenLastCalledWith({ forceRefresh: true })
    expect(source.get()).toMatchObject({ accessKeyId: 'AK2' })
    // a request that was signed with the first ones hears of it later
    expect(await source.renew(first)).toMatchObject({ accessKeyId: 'AK2' })
    expect(provider).toHaveBeenCalledTimes(2)
  })

  it('that are not to be had are a failure of the origin, and asked for again', async () => {
    const clock = new FakeClock()
    const provider = vi.fn<CredentialProvider>(async () => {
      throw new Error('no')
    })
    const source = new ProvidedCredentials(provider, clock)
    for (let i = 0; i < 2; i++) {
      await expect(source.get()).rejects.toMatchObject({ code: 'ERR_ORIGIN_UNREACHABLE' })
    }
    expect(provider).toHaveBeenCalledTimes(2)
  })

  it('that cannot be renewed serve to their end', async () => {
    const clock = new FakeClock()
    const provider = counting(clock, 60)
    const source = new ProvidedCredentials(provider, clock)
    await source.get()
    provider.mockRejectedValue(new Error('no'))
    clock.advance(58 * MINUTE)
    for (let i = 0; i < 100; i++) {
      expect(source.get()).toMatchObject({ accessKeyId: 'AK1' })
      await Promise.resolve()
    }
    expect(provider).toHaveBeenCalledTimes(2)
    clock.advance(MINUTE)
    expect(source.get()).toMatchObject({ accessKeyId: 'AK1' })
    expect(provider).toHaveBeenCalledTimes(3)
    clock.advance(MINUTE)
    await expect(source.get()).rejects.toMatchObject({ code: 'ERR_ORIGIN_UNREACHABLE' })
  })
})

/** A service of credentials, on a free port. */
async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('awsProvider finds credentials', () => {
  const GIVEN = {
    AccessKeyId: 'ASIAGIVEN',
    SecretAccessKey: 'secret',
    Token: 'token',
    Expiration: new Date(Date.now() + 60 * MINUTE * 1000).toISOString(),
  }
  const FOUND = { accessKeyId: 'ASIAGIVEN', secretAccessKey: 'secret', sessionToken: 'token' }

  afterEach(() => {
    vi.unstubAllEnvs()
  })

  /** No file of the machine, and no service but the one that a test starts. */
  function without(environment: Readonly<Record<string, string>>): void {
    const empty = { AWS_SHARED_CREDENTIALS_FILE: '/nonexistent', AWS_CONFIG_FILE: '/nonexistent' }
    const others = [
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SESSION_TOKEN',
      'AWS_PROFILE',
    ]
    for (const name of others) vi.stubEnv(name, undefined)
    for (const [name, value] of Object.entries({ ...empty, ...environment }))
      vi.stubEnv(name, value)
  }

  it('in the environment', async () => {
    without({
      AWS_ACCESS_KEY_ID: 'ASIAGIVEN',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SESSION_TOKEN: 'token',
    })
    expect(await awsProvider()()).toMatchObject(FOUND)
  })

  it("at a container's service, with its token", async () => {
    const asked: (string | undefined)[] = []
    const url = await serve((request, response) => {
      asked.push(request.url, request.headers.authorization)
      response.setHeader('content-type', 'application/json').end(JSON.stringify(GIVEN))
    })
    without({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Basic x',
    })
    expect(await awsProvider()()).toMatchObject(FOUND)
    expect(asked).toEqual(['/v1/credentials', 'Basic x'])
  })

  it("at an instance's service, in its second version", async () => {
    const asked: string[] = []
    const url = await serve((request, response) => {
      asked.push(`${request.method} ${request.headers['x-aws-ec2-metadata-token'] ?? '-'}`)
      if (request.method === 'PUT') response.end('session')
      else if (request.url?.endsWith('/security-credentials/')) response.end('role')
      else response.end(JSON.stringify({ Code: 'Success', ...GIVEN }))
    })
    without({ AWS_EC2_METADATA_SERVICE_ENDPOINT: url })
    expect(await awsProvider()()).toMatchObject(FOUND)
    expect(asked).toEqual(['PUT -', 'GET session', 'GET session'])
  })
})
