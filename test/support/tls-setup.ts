import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSigned } from './self-signed.ts'

/** Makes one certificate for a run, which the workers of the run trust. */
export default function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-tls-'))
  const { cert, key } = selfSigned(directory, 'localhost')
  process.env['SLUICE_TEST_CERT'] = cert
  process.env['SLUICE_TEST_KEY'] = key
  process.env['NODE_EXTRA_CA_CERTS'] = cert
  return () => {
    rmSync(directory, { recursive: true, force: true })
  }
}
