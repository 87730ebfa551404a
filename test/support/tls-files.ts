import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { run } from './child.ts'
import { program } from './programs.ts'

/** Paths of a certificate for 127.0.0.1 and localhost, and of the authority that signed it. */
export interface TlsFiles {
  readonly ca: string
  readonly certificate: string
  readonly key: string
  /** The authority as PEM. */
  readonly text: string
}

/** Makes an authority and a certificate that go with the test. */
export async function tlsFilesForTest(): Promise<TlsFiles> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-tls-'))
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  const at = (name: string): string => join(directory, name)
  writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-subj',
    '/CN=Sluice test authority',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  )
  await openssl(
    'req',
    ...newKey,
    '-subj',
    '/CN=localhost',
    '-keyout',
    at('server.key'),
    '-out',
    at('server.csr'),
  )
  await openssl(
    'x509',
    '-req',
    '-in',
    at('server.csr'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    at('names'),
    '-out',
    at('server.pem'),
  )
  return {
    ca: at('ca.pem'),
    certificate: at('server.pem'),
    key: at('server.key'),
    text: readFileSync(at('ca.pem'), 'utf8'),
  }
}

async function openssl(...args: readonly string[]): Promise<void> {
  const { status, stderr } = await run(program('openssl'), args)
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}\n${stderr}`)
}
