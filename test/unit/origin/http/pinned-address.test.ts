import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConnectionPool } from '../../../../src/origin/http/connection-pool.ts'
import { type Certificate, makeCertificate, ObjectServer } from '../../../support/object-server.ts'

/** `localhost` alone is in it. */
let certificate: Certificate
let server: ObjectServer

beforeAll(async () => {
  certificate = makeCertificate()
  server = await ObjectServer.start(new Map([['a', Buffer.from('bytes')]]), { certificate })
})

afterAll(() => server.stop())

/** The status of the answer to a request for `host`, sent to the loopback address. */
async function statusFor(host: string): Promise<number> {
  const { cert: ca } = certificate
  const port = Number(new URL(server.url).port)
  const pool = new ConnectionPool(
    { isSecure: true, host, address: '127.0.0.1', port, ca, mayUse: undefined },
    5,
  )
  const text = `GET /base/a HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
  try {
    const response = await pool.request({ text, isHead: false, signal: undefined })
    response.close()
    return response.head.status
  } finally {
    pool.close()
  }
}

describe('a connection to an address that was looked up before', () => {
  test('proves the name by its certificate', async () => {
    expect(await statusFor('localhost')).toBe(200)
  })

  test('ends when the certificate is that of another name', async () => {
    await expect(statusFor('source.example')).rejects.toMatchObject({
      code: 'ERR_ORIGIN_UNREACHABLE',
    })
  })
})
