import { createHash } from 'node:crypto'
import { copyFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { selfSigned } from '../support/self-signed.ts'
import { tlsFilesForTest } from '../support/tls-files.ts'
import { type WorkerProcesses, workersForTest } from '../support/worker-processes.ts'

const TOKEN = 'token-of-the-shop'

test('every worker speaks TLS with the newest certificate, and hands over calls by HTTP/2', async () => {
  const { certificate: cert, key } = await tlsFilesForTest()
  const gateway = await workersForTest(3, {
    files: { 'a.mp4': Buffer.from('film') },
    clients: [
      {
        id: 'shop',
        tokenSha256: createHash('sha256').update(TOKEN).digest('hex'),
        scopes: ['mediahub_download_files'],
      },
    ],
    config: {
      server: { port: 0, tls: { cert, key } },
      apis: { origin: 'library', xvid: {} },
    },
  })
  await gateway.admin('/v1/assets/film', {
    method: 'PUT',
    body: { filename: 'a.mp4', origin: 'library', object: 'a.mp4' },
  })
  const call = '/v1/files/downloads?file_id=film'
  expect(await askOnce(gateway, call)).toMatchObject({ status: 403 })
  const { status, body } = await askOnce(gateway, call, { authorization: `Bearer ${TOKEN}` })
  expect(status, body).toBe(200)
  const { url } = JSON.parse(body) as { url: string }
  expect(url).toMatch(/^https:/)
  const { pathname, search } = new URL(url)
  expect(await askOnce(gateway, pathname + search)).toEqual({ status: 200, body: 'film' })

  expect(await subjectsOf(gateway)).toEqual(new Set(['localhost']))
  const second = selfSigned(join(gateway.home.directory, 'config'), 'second')
  copyFileSync(second.cert, cert)
  copyFileSync(second.key, key)
  await eventually('each has the second', async () => {
    const subjects = await subjectsOf(gateway)
    return subjects.size === 1 && subjects.has('second')
  })
}, 120_000)

/** Of many handshakes at once, so that they are those of all workers. */
async function subjectsOf({ host, port }: WorkerProcesses): Promise<Set<unknown>> {
  const subjects = Array.from(
    { length: 24 },
    () =>
      new Promise<unknown>((resolve, reject) => {
        const socket = connect({ host, port, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().subject.CN)
          socket.destroy()
        })
        socket.once('error', reject)
      }),
  )
  return new Set(await Promise.all(subjects))
}

async function askOnce(
  { host, port }: WorkerProcesses,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  const session = connectHttp2(`https://${host}:${port}`, { rejectUnauthorized: false })
  try {
    const stream = session.request({ ':path': path, ...headers })
    const status = new Promise<number>((resolve, reject) => {
      stream.once('response', (fields) => {
        resolve(Number(fields[':status']))
      })
      stream.once('error', reject)
      session.once('error', reject)
    })
    let body = ''
    for await (const chunk of stream.setEncoding('utf8')) body += chunk
    return { status: await status, body }
  } finally {
    session.close()
  }
}
