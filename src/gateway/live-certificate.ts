import { statSync } from 'node:fs'
import { stampOf } from '../base/file-stamp.ts'
import type { Clock } from '../base/clock.ts'
import { type Certificate, type CertificateFiles, readCertificate } from '../config/certificate.ts'

/** How often the files are looked at. */
const LOOK_MS = 2000

export interface LiveCertificateOptions {
  readonly clock: Clock
  readonly warn: (message: string) => void
  readonly inform: (message: string) => void
}

/**
 * The certificate of the public port, read again when its files change. A pair that cannot be used
 * leaves the one in force; it is told of at the second look, since the two files are rarely replaced in
 * the same moment.
 */
export class LiveCertificate {
  readonly #options: LiveCertificateOptions
  readonly #timer: NodeJS.Timeout
  #files: CertificateFiles
  #current: Certificate
  #onChange: ((certificate: Certificate) => void) | undefined
  /** What the files looked like when they were read last, and how often that did not do. */
  #stamp: string
  #failures = 0

  constructor(files: CertificateFiles, options: LiveCertificateOptions) {
    this.#options = options
    this.#files = files
    this.#stamp = stampOfBoth(files)
    const read = readCertificate(files, options.clock.now())
    if ('unusable' in read) throw new Error(`server.tls.${read.member}: ${read.unusable}`)
    this.#current = read
    this.#timer = setInterval(() => {
      this.look()
    }, LOOK_MS)
    this.#timer.unref()
  }

  get current(): Certificate {
    return this.#current
  }

  onChange(listener: (certificate: Certificate) => void): void {
    this.#onChange = listener
  }

  /** Reads the files again whether they look changed or not; they may be others now. */
  use(files: CertificateFiles): void {
    this.#files = files
    this.#stamp = ''
    this.look()
  }

  /** Takes what stands in the files, if they changed. */
  look(): void {
    const { clock, warn, inform } = this.#options
    const stamp = stampOfBoth(this.#files)
    if (stamp !== this.#stamp) this.#failures = 0
    else if (this.#failures !== 1) return
    this.#stamp = stamp
    const read = readCertificate(this.#files, clock.now())
    if ('unusable' in read) {
      this.#failures++
      if (this.#failures === 2) {
        warn(`the certificate in force stays: server.tls.${read.member}: ${read.unusable}`)
      }
      return
    }
    this.#failures = 0
    for (const doubt of read.doubts) warn(`server.tls.cert: ${doubt}`)
    if (read.cert === this.#current.cert && read.key === this.#current.key) return
    this.#current = read
    this.#onChange?.(read)
    inform(
      `handshakes use a certificate that is valid until ${new Date(read.notAfter).toISOString()}`,
    )
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

/** Undefined for a port without TLS. */
export function openCertificate(
  files: CertificateFiles | undefined,
  clock: Clock,
  log: (level: 'info' | 'warn', message: string) => void,
): LiveCertificate | undefined {
  if (!files) return undefined
  return new LiveCertificate(files, {
    clock,
    warn: (message) => {
      log('warn', message)
    },
    inform: (message) => {
      log('info', message)
    },
  })
}

function stampOfBoth({ cert, key }: CertificateFiles): string {
  const stamps = [cert, key].map((file) => {
    const stats = statSync(file, { bigint: true, throwIfNoEntry: false })
    return stats ? stampOf(stats) : 'absent'
  })
  return stamps.join(' ')
}
