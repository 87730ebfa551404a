import { type CertificateFiles, readCertificate } from './certificate.ts'
import { textAt, valueAt } from './draft.ts'
import { worldReadable } from './key-file.ts'
import type { Finding, Problem } from './problem.ts'

export interface CheckedTls {
  readonly findings: readonly Finding[]
  readonly warnings: readonly Finding[]
  /** Of the key's file itself. */
  readonly fileWarnings: readonly Problem[]
}

/** Whether the port could be served with the files of `server.tls`; `now` in milliseconds since the epoch. */
export function checkTls(
  data: unknown,
  place: (path: string) => string,
  now = Date.now(),
): CheckedTls {
  const at = (member: string) => ['server', 'tls', member]
  const cert = textAt(data, at('cert'))
  const key = textAt(data, at('key'))
  // what is absent or empty is the schema's to say
  if (!cert || !key) return NOTHING
  const files: CertificateFiles = { cert: place(cert), key: place(key) }
  const read = readCertificate(files, now)
  const fileWarnings = worldReadable(files.key)
  if ('unusable' in read) {
    return {
      findings: [{ path: at(read.member), message: read.unusable }],
      warnings: [],
      fileWarnings,
    }
  }
  return {
    findings: [],
    warnings: [
      ...read.doubts.map((message) => ({ path: at('cert'), message })),
      ...plainPublicUrl(data),
    ],
    fileWarnings,
  }
}

const NOTHING: CheckedTls = { findings: [], warnings: [], fileWarnings: [] }

function plainPublicUrl(data: unknown): Finding[] {
  const path = ['server', 'publicUrl']
  return /^http:/i.test(String(valueAt(data, path)))
    ? [{ path, message: 'begins with http:, and the port speaks TLS: minted links will not work' }]
    : []
}
