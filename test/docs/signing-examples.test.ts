import { accessSync, constants, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { parse } from 'content-disposition-v2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../support/child.ts'
import { skippedFor } from '../support/skipped-programs.ts'
import { ROOT } from '../support/sluice.ts'
import { fencesOf, programOf, readPage } from './markdown.ts'
import { startWorkspace, type Workspace } from './workspace.ts'

const PAGE = readPage('docs/links.md')

/** How each program of the page is run, by its file name. */
const PROGRAMS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  'sign.sh': ['bash'],
  'sign.mjs': ['node'],
  'sign.py': ['python3'],
  'sign.php': ['php'],
  'sign.go': ['go', 'run'],
  'Sign.java': ['java'],
  'sign.rb': ['ruby'],
  'sign-jwt.mjs': ['node'],
  'sign-jwt.py': ['python3'],
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

let workspace: Workspace

beforeAll(async () => {
  workspace = await startWorkspace()
})

afterAll(async () => {
  await workspace.stop()
})

/** `kid` and `k` of the key that the first start made. */
function keyOf(purpose: 'hmac' | 'jwt'): { kid: string; k: string } {
  const folder = join(workspace.directory, 'keys')
  const file = readdirSync(folder).find((name) => name.startsWith(`${purpose}-`)) ?? ''
  return JSON.parse(readFileSync(join(folder, file), 'utf8')) as { kid: string; k: string }
}

function environment(): NodeJS.ProcessEnv {
  const hmac = keyOf('hmac')
  const jwt = keyOf('jwt')
  return {
    ...workspace.env,
    LINK_KID: hmac.kid,
    LINK_KEY: hmac.k,
    JWT_KID: jwt.kid,
    JWT_KEY: jwt.k,
    GOCACHE: join(workspace.directory, 'go-cache'),
  }
}

/** Whether PyJWT is there: a library that no machine has by itself. */
async function hasPyJwt(): Promise<boolean> {
  return isOnPath('python3') && (await run('python3', ['-c', 'import jwt'])).status === 0
}

describe('the signing code of docs/links.md', () => {
  test('is run here, all of it', () => {
    const files = fencesOf(PAGE).flatMap(({ info }) => /^file=(.+)$/.exec(info)?.[1] ?? [])
    expect(files).toEqual(Object.keys(PROGRAMS))
  })

  for (const [file, [program, ...args]] of Object.entries(PROGRAMS)) {
    const title = `${file} makes a link that downloads`
    if (!isOnPath(program)) {
      test.skip(skippedFor(title, [program]), () => undefined)
      continue
    }
    test(
      title,
      async ({ skip }) => {
        if (file === 'sign-jwt.py' && !(await hasPyJwt())) skip('PyJWT is not installed')
        const source = join(workspace.directory, file)
        writeFileSync(source, programOf(PAGE, file))
        const options = { cwd: workspace.directory, env: environment() }
        const ended = await run(program, [...args, source], options)
        expect(ended.status, ended.stderr).toBe(0)
        await expectDownload(workspace.url + ended.stdout.trimEnd())
      },
      60_000,
    )
  }
})

describe('examples/sign-link.sh', () => {
  test('signs what it is given', async () => {
    const key = join(workspace.directory, 'keys', `hmac-${keyOf('hmac').kid}.json`)
    const name = 'filename=Gr%C3%BC%C3%9Fe%20%26%20K%C3%BCsse.mp4'
    const args = ['examples/sign-link.sh', key, '/files/demo.mp4', '600', name, 'rate=100000000']
    const ended = await run('bash', args, { cwd: ROOT })
    expect(ended.status, ended.stderr).toBe(0)
    await expectDownload(workspace.url + ended.stdout.trimEnd())
  })
})

async function expectDownload(url: string): Promise<void> {
  const response = await fetch(url)
  expect({ url, status: response.status }).toEqual({ url, status: 200 })
  const header = response.headers.get('content-disposition') ?? ''
  expect(parse(header).parameters['filename']).toBe('Grüße & Küsse.mp4')
  const bytes = Buffer.from(await response.arrayBuffer())
  expect(bytes.equals(readFileSync(join(ROOT, 'examples/library/demo.mp4')))).toBe(true)
}
