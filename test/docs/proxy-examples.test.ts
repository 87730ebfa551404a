import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { poll, run, startForTest } from '../support/child.ts'
import { freePort } from '../support/free-port.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts'
import { needs, program } from '../support/programs.ts'
import { programOf, readPage } from './markdown.ts'

/** An address of this machine that is no trusted proxy. */
const CLIENT = '127.0.0.2'

let gateway: GatewayProcess
let home: string

/** A self-signed certificate, as files for nginx and as one for HAProxy. */
async function makeCertificate(): Promise<void> {
  const options = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1'.split(' ')
  const files = ['-keyout', join(home, 'downloads.key'), '-out', join(home, 'downloads.crt')]
  const subject = ['-subj', '/CN=downloads.example.com']
  const made = await run(program('openssl'), ['req', ...options, ...subject, ...files])
  if (made.status !== 0) throw new Error(made.stderr)
  const pem = await run('cat', [join(home, 'downloads.crt'), join(home, 'downloads.key')])
  writeFileSync(join(home, 'downloads.pem'), pem.stdout, { mode: 0o600 })
}

async function start(server: object): Promise<void> {
  gateway = await startGatewayProcess({ server })
  home = join(gateway.directory, 'proxy')
  mkdirSync(home)
}

/** Downloads through the proxy by HTTP/2 and returns the record of it. */
async function downloadThrough(port: number, ...flags: readonly string[]): Promise<AccessRecord> {
  const link = new URL(await gateway.sign('/files/demo.mp4'))
  const url = `https://downloads.example.com:${port}${link.pathname}${link.search}`
  const from = ['--interface', CLIENT, '--resolve', `downloads.example.com:${port}:127.0.0.1`]
  const to = ['-o', join(home, 'got'), '-w', '%{http_version}']
  const args = ['-sSk', '--http2', ...from, ...to, ...flags, url]
  await poll(async () => {
    const { status, stdout } = await run(program('curl'), args)
    return status === 0 && stdout === '2' ? true : undefined
  })
  const records = await gateway.records((all) => all.some(({ status }) => status === 200))
  const record = records.find(({ status }) => status === 200)
  if (!record) throw new Error('no record of a download')
  return record
}

describe('the configuration of docs/behind-nginx.md', () => {
  beforeAll(() => start({ trustedProxies: ['127.0.0.1'] }))

  afterAll(async () => {
    await gateway.stop()
  })

  needs(
    'nginx',
    'curl',
    'openssl',
  )('delivers, and tells who the client is', async () => {
    await makeCertificate()
    const port = await freePort()
    const site = programOf(readPage('docs/behind-nginx.md'), 'sluice.conf')
      .replace('127.0.0.1:8080', `127.0.0.1:${gateway.port}`)
      .replace('listen 443', `listen 127.0.0.1:${port}`)
      .replaceAll('/etc/nginx/tls/', `${home}/`)
      .replace('/var/log/nginx/', `${home}/`)
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${home}/${name};`,
    )
    const file = join(home, 'nginx.conf')
    writeFileSync(
      file,
      `daemon off; pid ${home}/nginx.pid; events {}\nhttp { ${temporary.join(' ')}\n${site}}\n`,
    )
    startForTest(program('nginx'), ['-c', file, '-e', join(home, 'error.log')])
    // what a client claims of itself changes nothing
    const lies = ['-H', 'Forwarded: for=192.0.2.1', '-H', 'X-Forwarded-For: 192.0.2.1']
    const record = await downloadThrough(port, ...lies)
    expect(record).toMatchObject({ client: CLIENT, decision: 'permit', coverage: 1 })
    const log = await poll(async () => {
      const { stdout } = await run('cat', [join(home, 'downloads.log')])
      return stdout.includes(record.request_id) ? stdout : undefined
    })
    expect(log).toContain('/files/demo.mp4')
    expect(log).not.toContain('Signature')
  })
})

describe('the configuration of docs/behind-haproxy.md', () => {
  beforeAll(() => start({ trustedProxies: ['127.0.0.1'], proxyProtocol: true }))

  afterAll(async () => {
    await gateway.stop()
  })

  needs(
    'haproxy',
    'curl',
    'openssl',
  )('delivers, and tells who the client is', async () => {
    await makeCertificate()
    const port = await freePort()
    const adminPort = await gateway.child.until(
      () => /admin API +http:\S+:(\d+)/.exec(gateway.child.stderr)?.[1],
    )
    const site = programOf(readPage('docs/behind-haproxy.md'), 'haproxy.cfg')
      .replace('127.0.0.1:8080', `127.0.0.1:${gateway.port}`)
      .replace('bind :443', `bind 127.0.0.1:${port}`)
      .replace('/etc/haproxy/', `${home}/`)
      .replace('check port 8081', `check inter 100 port ${adminPort}`)
    const file = join(home, 'haproxy.cfg')
    writeFileSync(file, site)
    const haproxy = startForTest(program('haproxy'), ['-db', '-f', file])
    const record = await downloadThrough(port, '-H', 'X-Forwarded-For: 192.0.2.1')
    expect(record).toMatchObject({ client: CLIENT, decision: 'permit', coverage: 1 })
    const log = await haproxy.until(() =>
      haproxy.stdout.includes(' 200 ') ? haproxy.stdout : undefined,
    )
    expect(log).toContain('GET /files/demo.mp4 200 ')
    expect(log).not.toContain('Signature')
    expect(haproxy.stderr).not.toMatch(/ALERT|WARNING/)
  })
})
