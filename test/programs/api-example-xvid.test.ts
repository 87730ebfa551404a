import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { findTag } from '../../src/tag/carriers.ts'
import { targetOf } from '../support/api-client.ts'
import { type Ended, startForTest } from '../support/child.ts'
import { send } from '../support/http-client.ts'
import { needs } from '../support/programs.ts'
import { ROOT } from '../support/sluice.ts'
import { MemoryFile } from '../support/taggable-files.ts'
import {
  FILM,
  FORBIDDEN,
  startXvidGateway,
  XVID_SECRET,
  XVID_TOKEN,
  type XvidGateway,
} from '../support/xvid-gateway.ts'

let xvid: XvidGateway
let folders = 0

beforeAll(async () => {
  xvid = await startXvidGateway()
})

afterAll(async () => {
  await xvid.gateway.close()
})

/** Runs the example in a folder of its own. */
async function example(
  settings: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Ended & { readonly folder: string }> {
  const folder = join(xvid.gateway.directory, `saved-${++folders}`)
  mkdirSync(folder)
  const env = { ...process.env, BASE_URL: xvid.gateway.url, ...settings }
  const script = join(ROOT, 'examples/xvid.sh')
  return { ...(await startForTest(script, args, { cwd: folder, env }).ended), folder }
}

const withTools = needs('curl', 'jq', 'openssl')
const TOKEN = { TOKEN: XVID_TOKEN }
const CLIENT = { CLIENT_ID: 'shop', CLIENT_SECRET: XVID_SECRET.toString('base64') }

describe('examples/xvid.sh', () => {
  withTools('with a token saves the file', async () => {
    const { status, stderr, folder } = await example(TOKEN, 'film', 'max_parallel_downloads=1')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const [name = '', ...others] = readdirSync(folder)
    expect(others).toEqual([])
    expect(readFileSync(join(folder, name)).equals(FILM)).toBe(true)
  })

  withTools('saves every file of an archive', async () => {
    const { status, folder } = await example(TOKEN, 'archive')
    expect(status).toBe(0)
    expect(readdirSync(folder)).toHaveLength(2)
  })

  withTools('with a secret makes a link of the call, with a tag in the file', async () => {
    const { status, stdout, stderr, folder } = await example(
      CLIENT,
      'film',
      'autograph_tag=Bestellung 7/ä&b',
    )
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const [name = ''] = readdirSync(folder)
    expect(await findTag(new MemoryFile(readFileSync(join(folder, name))))).toBeTypeOf('string')
    const link = await send(xvid.gateway, targetOf(xvid.gateway, stdout.trim()))
    expect(link.status).toBe(302)
    const url = new URL(link.headers.location ?? '')
    expect(url.searchParams.get('autograph_tag')).toBe('Bestellung 7/ä&b')
    const forged = await send(
      xvid.gateway,
      targetOf(xvid.gateway, stdout.trim()).replace('film', 'note'),
    )
    expect({ status: forged.status, body: forged.body.toString() }).toEqual(FORBIDDEN)
  })

  withTools('ends with what the API says, and saves nothing', async () => {
    const rows = [
      [{ TOKEN: 'wrong' }, 'film', '0x0000003: Invalid access token\n'],
      [TOKEN, 'nosuch', '0x0230002: Requested file does not exist\n'],
      [{ ...CLIENT, CLIENT_SECRET: 'AAAA' }, 'film', '0x0000003: Invalid access token\n'],
    ] as const
    for (const [settings, id, said] of rows) {
      const { status, stderr, folder } = await example(settings, id)
      expect({ status, stderr }).toEqual({ status: 1, stderr: said })
      expect(readdirSync(folder)).toEqual([])
    }
  })
})
