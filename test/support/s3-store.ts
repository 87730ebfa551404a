import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { contentTypeOf } from '../../src/origin/object-name.ts'
import { Child } from './child.ts'
import { accepts, freePort } from './free-port.ts'

/** The one account of the store. */
export const STORE_KEY = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }
export const STORE_REGION = 'eu-central-1'
const BUCKETS = ['media', 'other']

const PROGRAM = join(import.meta.dirname, 's3-store-process.ts')

/** A server of the S3 API in a process of its own, which checks version 4 of the signature. */
export class S3Store {
  readonly url: string
  /** Amazon's own client, to fill and to ask the store. */
  readonly client: S3Client
  readonly #child: Child
  readonly #directory: string

  private constructor(child: Child, directory: string, port: number) {
    this.#child = child
    this.#directory = directory
    this.url = `http://127.0.0.1:${port}`
    this.client = new S3Client({
      endpoint: this.url,
      region: STORE_REGION,
      forcePathStyle: true,
      // the client writes into it
      credentials: { ...STORE_KEY },
      // the store knows no checksums behind a body
      requestChecksumCalculation: 'WHEN_REQUIRED',
    })
  }

  /** Starts a store with the buckets `media` and `other`. */
  static async start(): Promise<S3Store> {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-s3-'))
    const port = await freePort()
    const child = new Child(process.execPath, [PROGRAM, directory, String(port), ...BUCKETS])
    await child.until(() => accepts(port))
    return new S3Store(child, directory, port)
  }

  async put(objects: Iterable<readonly [name: string, content: Buffer | string]>): Promise<void> {
    for (const [Key, Body] of objects) {
      const type = contentTypeOf(Key)
      await this.client.send(
        new PutObjectCommand({ Bucket: 'media', Key, Body, ContentType: type }),
      )
    }
  }

  async stop(): Promise<void> {
    this.client.destroy()
    await this.#child.stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
