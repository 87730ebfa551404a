import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { sha256 } from '../../src/base/bytes.ts'
import { run } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { needs, program } from '../support/programs.ts'
import { selfSigned } from '../support/self-signed.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const LARGE = randomBytes(8 * 1024 * 1024)

let directory: string
let ca: string
let gateway: TestGateway

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-h2-clients-'))
  const tls = selfSigned(directory, 'localhost')
  ca = tls.cert
  gateway = await startTestGateway({
    files: { 'large.bin': LARGE, 'page.txt': 'hello' },
    policies: {
      default: { parallel: { connectionsPerDownload: 100 }, delivery: { disposition: 'inline' } },
    },
    config: { server: { tls } },
  })
})

afterAll(async () => {
  await gateway.close()
  rmSync(directory, { recursive: true })
})

needs('curl')('curl fetches, resumes and names the protocol', async () => {
  const url = gateway.url + gateway.sign('/files/large.bin')
  const file = join(directory, 'fetched')
  const base = [
    '--silent',
    '--cacert',
    ca,
    '--output',
    file,
    '--write-out',
    '%{http_version} %{http_code}',
  ]
  expect((await run(program('curl'), [...base, '--http2', url])).stdout).toBe('2 200')
  expect((await run(program('curl'), [...base, '--http1.1', '--range', '5-', url])).stdout).toBe(
    '1.1 206',
  )
  const sum = ['--silent', '--cacert', ca, '--http2', '--range', '0-1048575', url]
  const part = await run('bash', ['-c', '"$0" "$@" | sha256sum', program('curl'), ...sum])
  expect(part.stdout.slice(0, 64)).toBe(sha256(LARGE.subarray(0, 1 << 20)).toString('hex'))
})

needs('h2load')('h2load gets 500 answers over many streams', async () => {
  const url = gateway.url + gateway.sign('/files/page.txt')
  const { stdout } = await run(program('h2load'), ['-n', '500', '-c', '2', '-m', '20', url])
  expect(stdout).toContain('Application protocol: h2')
  expect(stdout).toContain('500 succeeded, 0 failed, 0 errored')
})

needs('chromium')('Chromium reads a file by HTTP/2', async () => {
  const browser = await chromium.launch({
    executablePath: program('chromium'),
    args: ['--no-sandbox'],
  })
  try {
    const page = await browser.newPage({ ignoreHTTPSErrors: true })
    const answer = await page.goto(gateway.url + gateway.sign('/files/page.txt'))
    expect(await answer?.text()).toBe('hello')
    const used = await page.evaluate(
      () =>
        (performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming)
          .nextHopProtocol,
    )
    expect(used).toBe('h2')
    await eventually('recorded', async () => (await gateway.records(0)).length > 0)
  } finally {
    await browser.close()
  }
})
