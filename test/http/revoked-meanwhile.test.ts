import { expect, test } from 'vitest'
import { send } from '../support/http-client.ts'
import { RawServer } from '../support/raw-server.ts'
import { startTestGateway } from '../support/test-gateway.ts'

test('a link that is revoked while its origin is asked delivers nothing', async () => {
  const origin = await RawServer.start((_head, socket) => {
    void gateway
      .admin('/v1/revocations', {
        method: 'POST',
        body: { link_id: 'late', end_downloads: true },
      })
      .then(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "1"\r\n\r\nhello'))
  })
  const gateway = await startTestGateway({
    config: { origins: { far: { type: 'http', url: origin.url } } },
    routes: [{ path: '/far/', origin: 'far', schemes: ['sluice-hmac'], policy: 'default' }],
  })
  try {
    const reply = await send(gateway, gateway.sign('/far/a.bin', { jti: 'late' }))
    expect(reply.status).toBe(410)
    expect(reply.body.toString()).toContain('link_revoked')
  } finally {
    await gateway.close()
    await origin.stop()
  }
})
