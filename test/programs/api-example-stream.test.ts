import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { sha256 } from '../../src/base/bytes.ts'
import { type Ended, run } from '../support/child.ts'
import { needs, program } from '../support/programs.ts'
import { sampleVideo } from '../support/sample-video.ts'
import { ROOT } from '../support/sluice.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const VIDEO = '5d5bc37ffcf54c9b82e996823bffbb81'

describe('examples/cloudflare-stream.sh', () => {
  let gateway: TestGateway
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-example-'))
    gateway = await startTestGateway({
      config: { apis: { origin: 'library', stream: {} } },
      clients: [{ id: 'ops', tokenSha256: sha256('t').toString('hex'), scopes: ['stream'] }],
    })
  })

  afterAll(async () => {
    await gateway.close()
    rmSync(folder, { recursive: true })
  })

  async function download(file: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return run('bash', [join(ROOT, 'examples/cloudflare-stream.sh'), file], {
      env: {
        ...process.env,
        TOKEN: 't',
        ACCOUNT: `${gateway.url}/client/v4/accounts/023e105f4ecef8ad9ca31a8372d0c353`,
        VIDEOID: VIDEO,
        ...env,
      },
    })
  }

  async function probe(file: string): Promise<string> {
    const args = ['-v', 'error', '-show_entries', 'format=format_name,duration', '-of', 'csv=p=0']
    const { stdout } = await run(program('ffprobe'), [...args, file])
    return stdout
  }

  async function put(requireSigned: boolean): Promise<void> {
    const body = {
      filename: 'sample.webm',
      origin: 'library',
      object: 'sample.webm',
      require_signed: requireSigned,
    }
    const { status } = await gateway.admin(`/v1/assets/${VIDEO}`, { method: 'PUT', body })
    expect(status).toBeLessThan(300)
  }

  needs(
    'curl',
    'ffmpeg',
    'ffprobe',
    'jq',
  )(
    'makes an MP4 of a video, waits for it, and fetches it, public or private',
    async () => {
      const sample = sampleVideo({ seconds: 2, extension: 'webm' })
      writeFileSync(join(gateway.root, 'sample.webm'), sample)
      await put(false)
      const file = join(folder, 'public.mp4')
      const ended = await download(file)
      expect(ended).toMatchObject({ status: 0, stderr: '' })
      expect(JSON.parse(ended.stdout)).toMatchObject({
        status: 'inprogress',
        url: `${gateway.url}/${VIDEO}/downloads/default.mp4`,
      })
      expect(await probe(file)).toMatch(/^"mov,mp4,.*",(?:1\.9|2\.)/)

      await put(true)
      const refused = await download(join(folder, 'refused.mp4'))
      expect(refused.status).not.toBe(0)
      const copy = join(folder, 'private.mp4')
      expect(await download(copy, { PRIVATE: '1' })).toMatchObject({ status: 0, stderr: '' })
      expect(readFileSync(copy).equals(readFileSync(file))).toBe(true)
    },
    60_000,
  )
})
