import { expect, test } from 'vitest'
import { API_CLIENT, callApi, putAsset } from '../support/api-client.ts'
import { eventually } from '../support/eventually.ts'
import { startTestGateway } from '../support/test-gateway.ts'

test('without ffmpeg the gateway says so at its start and serves what is there', async () => {
  const gateway = await startTestGateway({
    files: { 'film.mp4': 'in mp4' },
    config: { apis: { origin: 'library', elytron: {}, ffmpeg: { path: 'no-such-ffmpeg' } } },
    clients: [API_CLIENT],
  })
  try {
    const missing = 'no-such-ffmpeg was not found: install it or set apis.ffmpeg.path'
    const warning = `warn no rendition can be made: ${missing}`
    await eventually('the warning', () => gateway.logged.includes(warning))
    await putAsset(gateway, 'film', {
      filename: 'film.mp4',
      origin: 'library',
      object: 'film.mp4',
    })
    const download = '/v1/videos/film/download'
    expect((await callApi(gateway, download)).body.toString()).toBe('in mp4')
    await callApi(gateway, `${download}?format=webm`)
    await eventually('the failure', async () => {
      const { body } = await callApi(gateway, `${download}?format=webm`)
      return body.toString().includes('Status: failed')
    })
  } finally {
    await gateway.close()
  }
})
