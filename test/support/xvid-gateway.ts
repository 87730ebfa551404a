import { createHmac, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { sha256 } from '../../src/base/bytes.ts'
import { putAsset, targetOf } from './api-client.ts'
import { FakeClock } from './fake-clock.ts'
import { type Reply, send } from './http-client.ts'
import { NOW } from './request-parts.ts'
import { box, film } from './taggable-files.ts'
import { startTestGateway, type TestGateway } from './test-gateway.ts'

export const XVID_PATH = '/v1/files/downloads'

/** The token of a client who may call, and of one who may not. */
export const XVID_TOKEN = 'token-of-the-shop'
export const OTHER_TOKEN = 'token-of-another'

/** A film that takes tags, and a file that takes a while. */
export const FILM = film(box('mdat', randomBytes(50_000)))
export const LARGE = randomBytes(16 * 1024 * 1024)

/** An address of the list of pirates. */
export const PIRATE = '46.4.0.9'

/** An address of the list of Tor exits. */
export const TOR_EXIT = '46.5.0.9'

/** What the good client signs with. */
export const XVID_SECRET = randomBytes(24)
const ASSETS = {
  film: { filename: 'Ferien – Süd.mp4', object: 'films/a.mp4', pipeline_id: '77' },
  note: { filename: 'note.txt', object: 'note.txt' },
  large: { filename: 'large.bin', object: 'large.bin' },
  gone: { filename: 'gone.mp4', object: 'gone.mp4' },
  pending: { filename: 'later.mp4', object: 'later.mp4', status: 'pending' },
  failed: { filename: 'never.mp4', object: 'never.mp4', status: 'failed' },
}
const ARCHIVES = { archive: ['film', 'note'], unfinished: ['film', 'pending'] }

/** A gateway with the Xvid API, whose time stands still; links live a day at most there. */
export interface XvidGateway {
  readonly gateway: TestGateway
  readonly clock: FakeClock
  /** Calls with the good token, unless headers say otherwise. */
  call(query: string, headers?: Readonly<Record<string, string>>): Promise<Reply>
  /** Path and query of the URL that the call gives. */
  linkOf(query: string): Promise<string>
  /** Uses a link from an address. */
  fetchAs(link: string, client?: string): Promise<Reply>
  /** The target of a call that the good client signs. */
  signed(query: string, path?: string): string
}

export async function startXvidGateway(): Promise<XvidGateway> {
  const clock = new FakeClock(NOW)
  const gateway = await startTestGateway({
    clock,
    files: {
      'films/a.mp4': FILM,
      'note.txt': 'a note',
      'large.bin': LARGE,
      'gone.mp4': FILM,
      'pirates.netset': '46.4.0.0/16\n',
      'tor.txt': `${TOR_EXIT}\n`,
    },
    policies: {
      default: {
        lifetime: { maxSeconds: 86_400 },
        parallel: { maxDownloads: 10 },
        antiFraud: { lists: ['pirates'] },
      },
    },
    config: {
      server: { trustedProxies: ['127.0.0.1'] },
      lists: {
        pirates: { file: '../library/pirates.netset' },
        tor: { file: '../library/tor.txt', format: 'tor-exit' },
      },
      apis: { origin: 'library', xvid: {} },
    },
    clients: [
      {
        id: 'shop',
        secret: XVID_SECRET.toString('base64'),
        tokenSha256: sha256(XVID_TOKEN).toString('hex'),
        scopes: ['mediahub_download_files'],
      },
      { id: 'other', tokenSha256: sha256(OTHER_TOKEN).toString('hex'), scopes: ['ibm'] },
    ],
  })
  for (const [id, asset] of Object.entries(ASSETS))
    await putAsset(gateway, id, { origin: 'library', ...asset })
  for (const [id, members] of Object.entries(ARCHIVES)) {
    await putAsset(gateway, id, { filename: 'all.zip', members })
  }
  const call: XvidGateway['call'] = (query, headers = { authorization: `Bearer ${XVID_TOKEN}` }) =>
    send(gateway, `${XVID_PATH}?${query}`, { headers })
  return {
    gateway,
    clock,
    call,
    async linkOf(query) {
      const { status, body } = await call(query)
      expect({ status, body: body.toString() }).toMatchObject({ status: 200 })
      return targetOf(gateway, (JSON.parse(body.toString()) as { url: string }).url)
    },
    fetchAs: (link, client = '5.9.0.1') =>
      send(gateway, link, { headers: { 'x-forwarded-for': client } }),
    signed(query, path = XVID_PATH) {
      const text = `${path}?${query}`
      return `${text}&signature=${createHmac('sha256', XVID_SECRET).update(text).digest('hex')}`
    },
  }
}

/** Status and text of an answer. */
export function answerOf({ status, body }: Reply): { status: number; body: string } {
  return { status, body: body.toString() }
}

/** An error of the API in its two forms, to the byte. */
export function errorJson(code: string, message: string): string {
  return `{"error":{"error_code":"${code}","error_message":"${message}"}}`
}

export function errorXml(code: string, message: string): string {
  return `<response><error><error_code>${code}</error_code><error_message>${message}</error_message></error></response>`
}

export const INVALID = { status: 400, body: errorJson('0x0230001', 'Invalid Input') }
export const FORBIDDEN = { status: 403, body: errorJson('0x0000003', 'Invalid access token') }
