import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HttpOrigin, type HttpOriginOptions } from '../../../src/origin/http-origin.ts'
import { RedirectRule } from '../../../src/origin/http/redirect-rule.ts'
import { readAll } from '../../support/collecting-sink.ts'
import { until } from '../../support/open-files.ts'
import { RawServer } from '../../support/raw-server.ts'

const HELLO = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'

let server: RawServer
let other: RawServer
const made: HttpOrigin[] = []

function makeOrigin(options: Partial<HttpOriginOptions> = {}): HttpOrigin {
  const origin = new HttpOrigin({
    url: server.url,
    headers: { Authorization: 'Bearer secret' },
    timeoutSeconds: 5,
    followRedirects: true,
    ...options,
  })
  made.push(origin)
  return origin
}

async function read(origin: HttpOrigin): Promise<string> {
  const found = await origin.open({ name: 'object', want: 'body' })
  if (found.state !== 'found') return found.state
  const bytes = await readAll(found, 0, found.meta.size ?? Infinity)
  found.close()
  return bytes.toString()
}

/** Redirects `/object` once, with this status and Location; answers anything else. */
function redirect(location: string, status = 302): void {
  server.answer = (head, socket) => {
    socket.write(
      head.includes(' /object ')
        ? `HTTP/1.1 ${status} Moved\r\nLocation: ${location}\r\nContent-Length: 4\r\n\r\npage`
        : HELLO,
    )
  }
}

beforeEach(async () => {
  server = await RawServer.start(() => {})
  other = await RawServer.start((_head, socket) => socket.write(HELLO))
})

afterEach(async () => {
  for (const origin of made.splice(0)) {
    await until(() => origin.connectionsInUse === 0)
    origin.close()
  }
  await Promise.all([server.stop(), other.stop()])
})

describe('a redirect of the origin', () => {
  it.each([301, 302, 303, 307, 308])(
    '%d is a failure unless redirects are followed',
    async (status) => {
      redirect('/elsewhere', status)
      await expect(read(makeOrigin({ followRedirects: false }))).rejects.toMatchObject({
        code: 'ERR_ORIGIN_REDIRECT',
      })
      expect(server.heads.length).toBe(1)
    },
  )

  it.each([301, 302, 303, 307, 308])(
    '%d to itself is followed with its credentials',
    async (status) => {
      redirect('/elsewhere?token=1', status)
      expect(await read(makeOrigin())).toBe('hello')
      expect(server.heads[1]).toMatch(/^GET \/elsewhere\?token=1 HTTP/)
      expect(server.heads[1]).toContain('Authorization: Bearer secret')
      expect(server.connections).toBe(1)
    },
  )

  it.each([300, 304, 305, 306])('%d is never followed', async (status) => {
    redirect('/elsewhere', status)
    await expect(read(makeOrigin())).rejects.toMatchObject({ source: 'origin' })
    expect(server.heads.length).toBe(1)
  })

  it('to a host that is not listed is refused, and nothing is sent there', async () => {
    redirect(other.url)
    await expect(read(makeOrigin())).rejects.toMatchObject({ code: 'ERR_ORIGIN_REDIRECT' })
    expect(other.connections).toBe(0)
  })

  it('to a listed host at a private address is refused before anything is sent', async () => {
    redirect(other.url)
    const origin = makeOrigin({ redirectHosts: [`127.0.0.1:${other.port}`] })
    await expect(read(origin)).rejects.toMatchObject({ code: 'ERR_ORIGIN_REDIRECT' })
    expect(other.heads.length).toBe(0)
  })

  it('to a listed host whose name leads to a private address is refused as well', async () => {
    redirect(`http://localhost:${other.port}/`)
    const origin = makeOrigin({ redirectHosts: [`localhost:${other.port}`] })
    await expect(read(origin)).rejects.toMatchObject({ code: 'ERR_ORIGIN_REDIRECT' })
    expect(other.heads.length).toBe(0)
  })

  it('to a listed host is followed without the credentials where private addresses are allowed', async () => {
    redirect(`${other.url}x`)
    const origin = makeOrigin({
      redirectHosts: [`127.0.0.1:${other.port}`],
      allowPrivateAddresses: true,
    })
    expect(await read(origin)).toBe('hello')
    expect(other.heads).toEqual([
      `GET /x HTTP/1.1\r\nHost: 127.0.0.1:${other.port}\r\nUser-Agent: sluice\r\nAccept-Encoding: identity\r\n\r\n`,
    ])
  })

  it('is followed three times and not a fourth', async () => {
    let redirects = 3
    server.answer = (_head, socket, nth) => {
      socket.write(
        nth > redirects
          ? HELLO
          : `HTTP/1.1 302 F\r\nLocation: /hop${nth}\r\nContent-Length: 0\r\n\r\n`,
      )
    }
    expect(await read(makeOrigin())).toBe('hello')
    redirects = 8
    await expect(read(makeOrigin())).rejects.toMatchObject({ code: 'ERR_ORIGIN_REDIRECT' })
    expect(server.heads.length).toBe(8)
  })

  it('keeps Location out of the failure', async () => {
    redirect('http://internal.example/secret')
    const failure = await read(makeOrigin()).catch((error: unknown) => error)
    expect(String(failure)).not.toContain('internal')
  })
})

describe('RedirectRule', () => {
  const base = new URL('https://origin.test/media/')
  const rule = new RedirectRule(base, ['cdn.test', 'cdn.test:8443', '[2001:db8::1]:9000'])

  it.each([
    ['/a', 'https://origin.test/a'],
    ['b', 'https://origin.test/media/b'],
    ['https://ORIGIN.test:443/a#f', 'https://origin.test/a#f'],
    ['https://cdn.test/a', 'https://cdn.test/a'],
    ['https://cdn.test:8443/a', 'https://cdn.test:8443/a'],
    ['//cdn.test/a', 'https://cdn.test/a'],
    ['https://[2001:db8::1]:9000/', 'https://[2001:db8::1]:9000/'],
  ])('%s leads to %s', (location, url) => {
    expect(rule.next(base, location).href).toBe(url)
  })

  it.each([
    undefined,
    '',
    'http://origin.test/a',
    'http://cdn.test/a',
    'https://origin.test:444/a',
    'https://evil.test/a',
    'https://cdn.test.evil.test/',
    'https://user@cdn.test/',
    'https://cdn.test@evil.test/',
    'https://cdn.test:9000/',
    'ftp://cdn.test/',
    'file:///etc/passwd',
    'javascript:0',
    'https://cdn.test/a b',
    'https://cdn.test/\xfc',
    'https://',
  ])('%s is refused', (location) => {
    expect(() => rule.next(base, location)).toThrow(
      expect.objectContaining({ code: 'ERR_ORIGIN_REDIRECT' }),
    )
  })

  it('into TLS is allowed where the host is listed', () => {
    const plain = new URL('http://origin.test/')
    expect(new RedirectRule(plain, ['origin.test']).next(plain, 'https://origin.test/a').href).toBe(
      'https://origin.test/a',
    )
    expect(() => new RedirectRule(plain, []).next(plain, 'https://origin.test/a')).toThrow(
      'not allowed',
    )
  })

  it.each(['https://cdn.test', 'cdn.test/path', 'user@cdn.test', 'a b', ''])(
    'the host %j is refused at once',
    (host) => {
      expect(() => new RedirectRule(base, [host])).toThrow(TypeError)
    },
  )
})
