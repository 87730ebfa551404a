import { z } from 'zod'
import { givenName, hostAndPort, positiveInteger, text, timerSeconds } from './fields.ts'
import { routePath } from './route-schema.ts'

/** The published APIs that can be switched on, by the names that `apis` and scopes use. */
export const API_NAMES = ['elytron', 'xvid', 'ibm', 'tasks', 'stream'] as const

export type ApiName = (typeof API_NAMES)[number]

/** Where the endpoints of each API lie: no route may begin like them. */
export const API_PATHS: Readonly<Record<ApiName, readonly string[]>> = {
  elytron: ['/v1/videos/'],
  xvid: ['/v1/files/downloads/'],
  ibm: ['/videos/'],
  tasks: ['/api/download/', '/api/downloads/'],
  stream: ['/client/v4/accounts/', '/accounts/'],
}

const plain = (what: string) => z.strictObject({}).optional().describe(what)

const ffmpegSchema = z
  .strictObject({
    path: text.default('ffmpeg').describe('The program that makes renditions, as found on PATH.'),
    probePath: text
      .default('ffprobe')
      .describe('The program that looks into sources, as found on PATH.'),
    concurrency: positiveInteger
      .max(64)
      .default(2)
      .describe('Renditions that are made at the same time.'),
    timeoutSeconds: timerSeconds
      .default(14_400)
      .describe('Seconds that making one rendition may take.'),
    maxBytes: positiveInteger
      .default(107_374_182_400)
      .describe('The largest rendition that is made.'),
  })
  .prefault({})
  .describe('How renditions are made.')

const tasksSchema = z
  .strictObject({
    allowedHosts: z
      .array(hostAndPort)
      .default([])
      .describe('host (any port) or host:port that sources may lie on. None by default.'),
    allowPrivateAddresses: z
      .boolean()
      .default(false)
      .describe('Allows sources on private, loopback or link-local addresses.'),
    requireToken: z.boolean().default(true).describe('Calls need the Bearer token of a client.'),
    concurrency: positiveInteger.max(64).default(4).describe('Sources fetched at the same time.'),
    timeoutSeconds: timerSeconds.default(14_400).describe('Seconds that one fetch may take.'),
    maxBytes: positiveInteger.default(107_374_182_400).describe('The largest source.'),
  })
  .optional()
  .describe('The download-task API: POST /api/download and what belongs to it.')

export const apisSchema = z
  .strictObject({
    origin: givenName.describe('File origin that renditions and fetched files are written to.'),
    path: routePath
      .default('/assets/')
      .describe('Path under which links of these APIs download; no route may have it.'),
    policy: givenName.default('default').describe('Policy of these downloads, without .yaml.'),
    keepSeconds: positiveInteger
      .default(604_800)
      .describe('Seconds that a rendition made on demand is kept after its last request.'),
    ffmpeg: ffmpegSchema,
    elytron: plain('The Elytron API: GET /v1/videos/{id} and its download.'),
    xvid: plain('The Xvid MediaHub API: GET /v1/files/downloads.'),
    ibm: plain('The IBM Video API: /videos/{id}/downloadable/{format}.json.'),
    tasks: tasksSchema,
    stream: plain('The Cloudflare Stream API: downloads, tokens and keys.'),
  })
  .optional()
  .describe('Published download APIs; one that is not named is off.')

export type ApisConfig = NonNullable<z.output<typeof apisSchema>>
