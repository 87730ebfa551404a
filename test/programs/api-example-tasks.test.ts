import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { API_CLIENT, API_TOKEN, callApi } from '../support/api-client.ts'
import { type Ended, startForTest } from '../support/child.ts'
import { needs } from '../support/programs.ts'
import { ROOT } from '../support/sluice.ts'
import { SourceServer } from '../support/source-server.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const FILE = Buffer.from('the bytes of a film')

let gateway: TestGateway
let source: SourceServer
let folder: string

beforeAll(async () => {
  source = await SourceServer.start()
  source.files.set('/watch?v=1', {
    content: FILE,
    headers: { 'content-disposition': 'attachment; filename="Big Film.mp4"' },
  })
  gateway = await startTestGateway({
    config: {
      apis: {
        origin: 'library',
        tasks: { allowedHosts: [source.host], allowPrivateAddresses: true },
      },
    },
    clients: [API_CLIENT],
  })
  folder = join(gateway.directory, 'saved')
  mkdirSync(folder)
})

afterAll(async () => {
  await gateway.close()
  await source.stop()
})

function example(url: string): Promise<Ended> {
  const env = { ...process.env, BASE_URL: gateway.url, TOKEN: API_TOKEN }
  return startForTest(join(ROOT, 'examples/tasks.sh'), [url], { cwd: folder, env }).ended
}

describe('examples/tasks.sh', () => {
  const withTools = needs('curl', 'jq')

  withTools('saves a file under its own name and leaves nothing behind', async () => {
    const { status, stdout, stderr } = await example(source.url('/watch?v=1'))
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: 'saved Big Film.mp4\n',
      stderr: '',
    })
    expect(readdirSync(folder)).toEqual(['Big Film.mp4'])
    expect(readFileSync(join(folder, 'Big Film.mp4'))).toEqual(FILE)
    expect(String((await callApi(gateway, '/api/downloads')).body)).toBe('[]')
  })

  withTools('says why a URL is refused', async () => {
    const { status, stderr } = await example('http://elsewhere.example/')
    expect(status).toBe(1)
    expect(stderr).toContain('The host of the URL is not one that files are fetched from')
  })

  withTools('says why a fetch failed', async () => {
    const { status, stderr } = await example(source.url('/missing'))
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'The source answered with status 404\n',
    })
  })
})
