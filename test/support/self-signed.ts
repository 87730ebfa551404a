import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** A certificate as `server.tls` names it. */
export interface SelfSigned {
  readonly cert: string
  readonly key: string
}

/** Makes a certificate for 127.0.0.1 and localhost with two days of life: `NAME.pem` and `NAME.key`. */
export function selfSigned(directory: string, name: string): SelfSigned {
  const cert = join(directory, `${name}.pem`)
  const key = join(directory, `${name}.key`)
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const files = ['-keyout', key, '-out', cert]
  execFileSync('openssl', ['req', '-x509', ...kind, '-days', '2', ...names, ...files], {
    stdio: 'pipe',
  })
  return { cert, key }
}
