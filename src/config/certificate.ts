import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { messageOf } from '../base/failure.ts'
import { reasonOf } from './problem.ts'

/** The files of `server.tls`. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** A certificate with the chain behind it, and the key that was proven to belong to it. */
export interface Certificate {
  /** As PEM. */
  readonly cert: string
  readonly key: string
  /** Milliseconds since the epoch. */
  readonly notAfter: number
  /** What clients may refuse, though it can be served. */
  readonly doubts: readonly string[]
}

/** What is wrong, and with which of the two files. */
export interface UnusableCertificate {
  readonly member: keyof CertificateFiles
  readonly unusable: string
}

/** Reads a certificate and its key, and tries them together. */
export function readCertificate(
  files: CertificateFiles,
  now: number,
): Certificate | UnusableCertificate {
  const cert = readText(files.cert)
  if (typeof cert !== 'string') return { member: 'cert', ...cert }
  const key = readText(files.key)
  if (typeof key !== 'string') return { member: 'key', ...key }
  const chain = readChain(cert)
  if (!Array.isArray(chain)) return { member: 'cert', ...chain }
  const [leaf] = chain
  if (!leaf) return { member: 'cert', unusable: 'holds no certificate (PEM)' }
  const privateKey = readPrivateKey(key)
  if ('unusable' in privateKey) return { member: 'key', ...privateKey }
  if (!leaf.checkPrivateKey(privateKey)) {
    return { member: 'key', unusable: `is not the key of the certificate ${leaf.subject}` }
  }
  try {
    createSecureContext({ cert, key })
  } catch (error) {
    // OpenSSL has rules of its own, as for the size of keys
    return { member: 'cert', unusable: `cannot be used: ${messageOf(error)}` }
  }
  const doubts = chain.flatMap((each, i) => doubtsOf(each, chain[i + 1], now))
  return { cert, key, notAfter: Math.min(...chain.map(endOf)), doubts }
}

interface Unusable {
  readonly unusable: string
}

function readText(file: string): string | Unusable {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    return { unusable: `cannot be read: ${reasonOf(error)}` }
  }
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

function readChain(text: string): X509Certificate[] | Unusable {
  const chain: X509Certificate[] = []
  for (const [block] of text.matchAll(BLOCK)) {
    try {
      chain.push(new X509Certificate(block))
    } catch {
      return { unusable: `its certificate number ${chain.length + 1} is broken` }
    }
  }
  return chain
}

function readPrivateKey(text: string): KeyObject | Unusable {
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    return { unusable: 'is encrypted: a gateway that starts by itself cannot ask for its password' }
  }
  try {
    return createPrivateKey(text)
  } catch {
    // the parser's message may quote the file
    return { unusable: 'holds no private key (PEM)' }
  }
}

function doubtsOf(
  certificate: X509Certificate,
  next: X509Certificate | undefined,
  now: number,
): string[] {
  const name = certificate.subject.replaceAll('\n', ', ')
  const doubts: string[] = []
  if (endOf(certificate) <= now) doubts.push(`${name} has expired on ${certificate.validTo}`)
  if (Date.parse(certificate.validFrom) > now)
    doubts.push(`${name} is not valid before ${certificate.validFrom}`)
  if (next && !certificate.checkIssued(next)) {
    doubts.push(`${name} is followed by a certificate that did not issue it`)
  }
  return doubts
}

function endOf({ validTo }: X509Certificate): number {
  return Date.parse(validTo)
}
