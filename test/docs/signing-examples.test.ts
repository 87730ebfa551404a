import { hash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'content-disposition-v2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Ended, run } from '../support/child.ts'
import { ROOT } from '../support/sluice.ts'
import { findInterpreter } from './interpreters.ts'
import { fencesOf, programOf, readPage } from './markdown.ts'
import { startWorkspace, type Workspace } from './workspace.ts'

const PAGE = readPage('docs/links.md')

/** How each program of the page is run, by its file name, and how to see whether its library is there. */
const PROGRAMS: Readonly<
  Record<string, { readonly run: readonly [string, ...string[]]; readonly library?: string[] }>
> = {
  'sign.sh': { run: ['bash'] },
  'sign.mjs': { run: ['node'] },
  'sign.py': { run: ['python3'] },
  'sign.php': { run: ['php'] },
  'sign.go': { run: ['go', 'run'] },
  'Sign.java': { run: ['java'] },
  'sign.rb': { run: ['ruby'] },
  'sign-jwt.mjs': { run: ['node'] },
  'sign-jwt.py': { run: ['python3'], library: ['-c', 'import jwt'] },
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

describe('the signing code of docs/links.md', () => {
  test('is run here, all of it', () => {
    const files = fencesOf(PAGE).flatMap(({ info }) => /^file=(.+)$/.exec(info)?.[1] ?? [])
    expect(files).toEqual(Object.keys(PROGRAMS))
  })

  for (const [file, { run: command, library }] of Object.entries(PROGRAMS)) {
    const [program, ...args] = command
    const { command: interpreter, absence } = findInterpreter(program, library)
    test.runIf(interpreter)(
      `${file} makes a link that downloads${absence}`,
      { timeout: 60_000 },
      async () => {
        const source = join(workspace.directory, file)
        writeFileSync(source, programOf(PAGE, file))
        const options = { cwd: workspace.directory, env: environment() }
        const target = outputOf(await run(interpreter ?? '', [...args, source], options))
        expect(await download(target)).toEqual(WHOLE)
      },
    )
  }
})

describe('examples/sign-link.sh', () => {
  test('signs what it is given', async () => {
    const key = join(workspace.directory, 'keys', `hmac-${keyOf('hmac').kid}.json`)
    const name = 'filename=Gr%C3%BC%C3%9Fe%20%26%20K%C3%BCsse.mp4'
    const args = ['examples/sign-link.sh', key, '/files/demo.mp4', '600', name, 'rate=100000000']
    const ended = await run('bash', args, { cwd: ROOT })
    expect(await download(outputOf(ended))).toEqual(WHOLE)
  })
})

interface Downloaded {
  readonly status: number
  readonly filename: string | undefined
  readonly digest: string
}

const WHOLE: Downloaded = {
  status: 200,
  filename: 'Grüße & Küsse.mp4',
  digest: hash('sha256', readFileSync(join(ROOT, 'examples/library/demo.mp4'))),
}

async function download(target: string): Promise<Downloaded> {
  const response = await fetch(workspace.url + target)
  return {
    status: response.status,
    filename: parse(response.headers.get('content-disposition') ?? '').parameters['filename'],
    digest: hash('sha256', Buffer.from(await response.arrayBuffer())),
  }
}

/** The one line that a signer prints. */
function outputOf({ status, stdout, stderr }: Ended): string {
  if (status !== 0) throw new Error(`exit status ${status}: ${stderr}`)
  return stdout.trimEnd()
}
