import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { SourceServer } from '../support/source-server.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

let gateway: TestGateway
/** A server on the loopback address that nothing may reach. */
let inside: SourceServer
/** On the loopback address, too, but of a gateway that may go there: it redirects. */
let redirecting: SourceServer
let lenient: TestGateway

/** Hosts that an operator may have allowed without a thought of where they lead. */
const CARELESS = [
  'localhost',
  '127.0.0.1',
  '0.0.0.0',
  '[::1]',
  '[::]',
  '169.254.169.254',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.0.1',
  '100.64.0.1',
  '[fe80::1]',
  '[fc00::1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[::ffff:7f00:1]',
  '255.255.255.255',
]

const allowing = (
  allowedHosts: readonly string[],
  allowPrivateAddresses: boolean,
): Promise<TestGateway> =>
  startTestGateway({
    config: {
      apis: {
        origin: 'library',
        tasks: { allowedHosts, allowPrivateAddresses, requireToken: false, concurrency: 64 },
      },
    },
  })

beforeAll(async () => {
  inside = await SourceServer.start()
  redirecting = await SourceServer.start()
  const { port } = inside
  const withPort = CARELESS.map((host) => `${host}:${port}`)
  gateway = await allowing(
    ['allowed.example', 'port.example:8080', ...CARELESS, ...withPort],
    false,
  )
  lenient = await allowing([redirecting.host], true)
})

afterAll(async () => {
  await gateway.close()
  await lenient.close()
  await inside.stop()
  await redirecting.stop()
})

/** 400 at once, or a task that fails: what became of the URL. */
async function outcome({ url: base }: TestGateway, url: string): Promise<string> {
  const answer = await fetch(`${base}/api/download`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url }),
  })
  if (answer.status === 400) return 'refused'
  expect(answer.status).toBe(200)
  const { download_id: id } = (await answer.json()) as { download_id: string }
  let status = ''
  await eventually(`${url} over`, async () => {
    const list = (await (await fetch(`${base}/api/downloads`)).json()) as Record<string, string>[]
    status = list.find((task) => task['id'] === id)?.['status'] ?? ''
    return status === 'completed' || status === 'failed'
  })
  return status
}

/** `PORT` stands for the port of the server inside. */
const at = (url: string): string => url.replaceAll('PORT', String(inside.port))

describe('a URL that leads inside is refused, whatever the operator has allowed', () => {
  test.each([
    'http://127.0.0.1:PORT/',
    'http://127.1:PORT/',
    'http://127.0.1:PORT/',
    'http://2130706433:PORT/',
    'http://0177.0.0.1:PORT/',
    'http://0x7f.0.0.1:PORT/',
    'http://0x7f000001:PORT/',
    'http://017700000001:PORT/',
    'http://①②⑦.⓪.⓪.①:PORT/',
    'http://127。0。0。1:PORT/',
    'http://%31%32%37.0.0.1:PORT/',
    'http://0.0.0.0:PORT/',
    'http://0:PORT/',
    'http://[::1]:PORT/',
    'http://[0:0:0:0:0:0:0:1]:PORT/',
    'http://[::]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://[::ffff:7f00:1]:PORT/',
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/latest/meta-data/',
    'http://0xa9fea9fe/latest/meta-data/',
    'http://0251.0376.0251.0376/latest/meta-data/',
    'http://[fe80::1]/',
    'http://[fc00::1]/',
    'http://10.0.0.1/',
    'http://172.16.0.1/',
    'http://192.168.0.1/',
    'http://100.64.0.1/',
    'http://255.255.255.255/',
    'http://[64:ff9b::7f00:1]:PORT/',
    'http://[2002:7f00:1::]:PORT/',
    'file:///etc/passwd',
    'file://127.0.0.1/etc/passwd',
    'ftp://127.0.0.1:PORT/',
    'gopher://127.0.0.1:PORT/_GET',
    'data:text/plain,inside',
    'javascript:alert(1)',
    'blob:http://127.0.0.1:PORT/x',
    'ws://127.0.0.1:PORT/',
    '//127.0.0.1:PORT/',
    'http:127.0.0.1:PORT/',
    'http:///127.0.0.1:PORT/',
    'http://allowed.example@127.0.0.1:PORT/',
    'http://allowed.example:80@127.0.0.1:PORT/',
    'http://@127.0.0.1:PORT/',
    'http://127.0.0.1:PORT\\@allowed.example/',
    'http:\\\\127.0.0.1:PORT\\',
    'http://allowed.example.127.0.0.1.nip.example:PORT/',
    'http://127.0.0.1:PORT#@allowed.example/',
    'http://127.0.0.1\t:PORT/',
    'http://127.0.0.1\n:PORT/',
    ' http://127.0.0.1:PORT/',
    'http://127.0.0.1:PORT/\r\nHost: allowed.example',
    'http://127.0.0.1:PORT/ HTTP/1.1',
    'http://allowed.example:99999/',
    'http://',
    '',
  ])('%j', async (url) => {
    expect(await outcome(gateway, at(url))).toBe('refused')
  })

  test('a name that leads there fails before a connection', async () => {
    expect(await outcome(gateway, at('http://localhost:PORT/'))).toBe('failed')
    expect(await outcome(gateway, at('http://LOCALHOST:PORT/'))).toBe('failed')
  })

  test('nothing was connected to', () => {
    expect(inside.connections).toBe(0)
  })
})

describe('a host is allowed as a whole', () => {
  test.each([
    'http://allowed.example.evil.example/',
    'http://evil-allowed.example/',
    'http://sub.allowed.example/',
    'http://allowed.example./',
    'http://port.example:8081/',
    'http://allowed.example%2eevil.example/',
    'http://allowed.example%00.evil.example/',
  ])('%s is another', async (url) => {
    expect(await outcome(gateway, url)).toBe('refused')
  })
})

describe('a redirect is judged like a first URL', () => {
  test.each([
    'http://127.0.0.1:PORT/',
    'http://localhost:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://2130706433:PORT/',
    '//127.0.0.1:PORT/',
    '\\\\127.0.0.1:PORT\\',
    'http:\\\\127.0.0.1:PORT/',
    'http://169.254.169.254/latest/meta-data/',
    'file:///etc/passwd',
    'ftp://127.0.0.1:PORT/',
    'data:text/plain,inside',
    'javascript:alert(1)',
    'http://HERE@127.0.0.1:PORT/',
    'http://user:password@HERE/ok',
    'http://127.0.0.1:PORT\\@HERE/',
  ])('%j', async (location) => {
    redirecting.answer = ({ url }, response) => {
      const isFirst = url === '/'
      const to = at(location).replace('HERE', redirecting.host)
      response.writeHead(isFirst ? 302 : 200, isFirst ? { location: to } : {}).end('body')
    }
    expect(await outcome(lenient, redirecting.url('/'))).toBe('failed')
    expect(inside.connections).toBe(0)
  })

  test('in a ring it ends', async () => {
    const before = redirecting.requests.length
    redirecting.answer = (_, response) => {
      response.writeHead(302, { location: '/' }).end()
    }
    expect(await outcome(lenient, redirecting.url('/'))).toBe('failed')
    expect(redirecting.requests.length - before).toBe(6)
  })

  test('to the same host is followed', async () => {
    redirecting.answer = ({ url }, response) => {
      const isLast = url === '/last'
      response.writeHead(isLast ? 200 : 307, isLast ? {} : { location: '/last' }).end('found')
    }
    expect(await outcome(lenient, redirecting.url('/'))).toBe('completed')
  })
})
