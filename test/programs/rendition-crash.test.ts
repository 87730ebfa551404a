import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { API_CLIENT, API_TOKEN } from '../support/api-client.ts'
import { run } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { type Reply, send } from '../support/http-client.ts'
import { needs, program } from '../support/programs.ts'
import { type Life, RestartableGateway } from '../support/restartable-gateway.ts'
import { sampleVideo } from '../support/sample-video.ts'

const SECONDS = 10
const HEADERS = { authorization: `Bearer ${API_TOKEN}` }

let gateway: RestartableGateway

beforeEach(() => {
  gateway = new RestartableGateway(
    { 'film.mp4': sampleVideo({ seconds: SECONDS, size: '640x360' }) },
    { apis: { origin: 'library', elytron: {} } },
    {},
  )
  gateway.write('keys/clients.json', JSON.stringify([API_CLIENT]))
})

afterEach(() => gateway.remove())

function download(life: Life): Promise<Reply> {
  return send(life, '/v1/videos/film/download?format=webm', { headers: HEADERS })
}

async function percentOf(life: Life): Promise<number> {
  const response = await life.admin('/v1/assets/film')
  const { renditions } = (await response.json()) as { renditions: { webm?: { percent: number } } }
  return renditions.webm?.percent ?? 0
}

/** Objects below `renditions/`; what begins with a dot is none. */
function objects(): string[] {
  const folder = join(gateway.directory, 'library/renditions')
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
}

/** Programs that work below the gateway's directory. */
async function programs(): Promise<string[]> {
  const { stdout } = await run('ps', ['-eo', 'args'])
  return stdout.split('\n').filter((line) => line.includes(`file:${gateway.directory}`))
}

needs('ffmpeg', 'ffprobe')(
  'kill -9 while a rendition is made: nothing half-made is served, the next start makes it whole',
  async () => {
    const first = await gateway.start()
    const film = { filename: 'film.mp4', origin: 'library', object: 'film.mp4' }
    await first.admin('/v1/assets/film', { method: 'PUT', body: film })
    expect((await download(first)).status).toBe(400)
    await eventually('some of it made', async () => (await percentOf(first)) > 0, 60_000)
    expect((await download(first)).status).toBe(400)
    await first.kill()
    expect(objects()).toEqual([])

    const second = await gateway.start()
    let served = await download(second)
    const isServed = async (): Promise<boolean> => {
      served = await download(second)
      expect([200, 400]).toContain(served.status)
      return served.status === 200
    }
    await eventually('the rendition served', isServed, 60_000)
    expect(served.headers['content-type']).toBe('video/webm')
    const file = join(gateway.directory, 'served.webm')
    writeFileSync(file, served.body)
    const args = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file]
    const { stdout } = await run(program('ffprobe'), args)
    expect(Math.abs(Number(stdout) - SECONDS)).toBeLessThan(0.2)
    expect(objects()).toHaveLength(1)
    await eventually('no ffmpeg left', async () => (await programs()).length === 0)
  },
  150_000,
)
