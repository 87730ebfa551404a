import { createSecretKey } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseNetwork } from '../../src/base/address.ts'
import type { Constraints } from '../../src/link/constraints.ts'
import { azureSas } from '../../src/link/schemes/azure-sas.ts'
import { encodePath } from '../../src/request/canonical-path.ts'
import { Child } from '../support/child.ts'
import { accepts, freePort } from '../support/free-port.ts'
import { schemeWith } from '../support/link-verdict.ts'
import { secretKey, SITE } from '../support/request-parts.ts'

/** The account that every Azurite has; its key is public. */
const ACCOUNT = 'devstoreaccount1'
const SECRET =
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
const PROGRAM = fileURLToPath(new URL('../../node_modules/.bin/azurite-blob', import.meta.url))

const NAMES = [
  'film.mp4',
  'folder/with space/film two.mp4',
  'ünï/日本語.mp4',
  "odd/a+b&c=d;e,f'(1)*!~@$.txt",
]

const scheme = schemeWith(azureSas, { account: ACCOUNT })
const secret = createSecretKey(Buffer.from(SECRET, 'base64'))
const key = secretKey('account', 0, { verifyKey: secret, signKey: secret })

let directory: string
let azurite: Child
let accountUrl: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-azurite-'))
  const port = await freePort()
  azurite = new Child(
    process.execPath,
    [
      PROGRAM,
      '--silent',
      '--inMemoryPersistence',
      '--disableTelemetry',
      // the client library may be newer than the server
      '--skipApiVersionCheck',
      '--blobPort',
      String(port),
    ],
    { cwd: directory },
  )
  await azurite.until(() => accepts(port))
  accountUrl = `http://127.0.0.1:${port}/${ACCOUNT}`
  const credential = new StorageSharedKeyCredential(ACCOUNT, SECRET)
  const service = new BlobServiceClient(accountUrl, credential)
  for (const container of ['media', 'other']) {
    const { containerClient } = await service.createContainer(container)
    for (const name of NAMES) {
      await containerClient.getBlockBlobClient(name).uploadData(Buffer.from(name))
    }
  }
}, 60_000)

afterAll(async () => {
  await azurite.stop()
  rmSync(directory, { recursive: true, force: true })
})

const seconds = (): number => Math.floor(Date.now() / 1000)

function sign(path: string, constraints: Constraints = {}, expiresAt = seconds() + 600): string {
  const link = scheme.sign({ path, expiresAt, constraints, site: SITE }, key)
  if ('reason' in link) throw new Error(link.detail)
  return link.target
}

/** What a GET brings: the text of the blob, or the status and Azure's code for the refusal. */
async function fetched(target: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(accountUrl + target, init)
  const text = await response.text()
  return response.ok ? text : `${response.status} ${response.headers.get('x-ms-error-code')}`
}

/** Azurite says no more of a wrong signature than of a wrong time. */
const REFUSED = '403 AuthorizationFailure'

describe('links that are signed here, at Azurite', () => {
  it.each(NAMES)('open the blob %s', async (name) => {
    expect(await fetched(sign(encodePath(`/media/${name}`)))).toBe(name)
  })

  it('open no other blob', async () => {
    const target = sign('/media/film.mp4')
    expect(await fetched(target.replace('film.mp4', encodePath(NAMES[1]!)))).toBe(REFUSED)
    expect(await fetched(target.replace('/media/', '/other/'))).toBe(REFUSED)
  })

  it('only read', async () => {
    const init = { method: 'PUT', body: 'x', headers: { 'x-ms-blob-type': 'BlockBlob' } }
    expect(await fetched(sign('/media/film.mp4'), init)).toBe('403 AuthorizationPermissionMismatch')
    expect(await fetched(sign('/media/film.mp4'))).toBe('film.mp4')
  })

  it('of a container open each of its blobs and none of another', async () => {
    const [before = '', query = ''] = sign('/media/*').split('?')
    for (const name of NAMES) {
      expect(await fetched(`${before}${encodePath(name)}?${query}`)).toBe(name)
      expect(await fetched(`/other/${encodePath(name)}?${query}`)).toBe(REFUSED)
    }
  })

  // Azurite compares no addresses, but the range is part of what is signed
  it.each(['192.0.2.7', '127.0.0.0/30'])('for %s say so in what is signed', async (text) => {
    const target = sign('/media/film.mp4', { ip: [parseNetwork(text)!] })
    expect(target).toContain('&sip=')
    expect(await fetched(target)).toBe('film.mp4')
    expect(await fetched(target.replace(/&sip=[^&]*/, '&sip=203.0.113.1'))).toBe(REFUSED)
    expect(await fetched(target.replace(/&sip=[^&]*/, ''))).toBe(REFUSED)
  })

  it('hold for their time', async () => {
    const now = seconds()
    expect(await fetched(sign('/media/film.mp4', { nbf: now - 60 }))).toBe('film.mp4')
    expect(await fetched(sign('/media/film.mp4', { nbf: now + 300 }))).toBe(REFUSED)
    expect(await fetched(sign('/media/film.mp4', {}, now - 1))).toBe(REFUSED)
    const later = sign('/media/film.mp4').replace(/&se=\d+/, '&se=2099')
    expect(await fetched(later)).toBe(REFUSED)
  })

  it('are refused with one byte of the signature changed', async () => {
    const target = sign('/media/film.mp4')
    const at = target.indexOf('&sig=') + 5
    for (const [byte] of Buffer.alloc(32).entries()) {
      const signature = Buffer.from(decodeURIComponent(target.slice(at)), 'base64')
      signature[byte]! ^= 1
      const sig = encodeURIComponent(signature.toString('base64'))
      expect([byte, await fetched(target.slice(0, at) + sig)]).toEqual([byte, REFUSED])
    }
  })
})
