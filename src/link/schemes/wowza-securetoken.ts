import { z } from 'zod'
import { refuse } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { defineScheme } from '../definition.ts'
import type { Resource } from '../grant.ts'
import { isHostilePath } from '../hostile-path.ts'
import { parametersOf } from '../link-fields.ts'
import { parameterIndex } from '../raw-query.ts'
import { parameterName, unlimitedOption } from './digest-format.ts'
import type { DigestPlace } from './digest-place.ts'
import { DECIMAL } from './digest-time.ts'
import { KeyedDigest } from './keyed-digest.ts'

const NAME = 'wowza-securetoken'
const BYTES = { sha256: 32, sha384: 48, sha512: 64 }

/** What players ask for below a stream; the hash of the stream opens them, too. */
const STREAM_FILE =
  /\/(?:(?:playlist|chunklist|manifest|media|chunk|medialist|subtitlelist|key)(?:[_-][\w-]*)?\.(?:m3u8|mpd|f4m|smil|ts|aac|m4s|vtt|webvtt|abst|m3u8key)|Manifest|QualityLevels\(\d+\)\/Fragments\([\w=,-]+\))$/

/** Application, instance and stream: the raw path without the playlist or chunk. */
function contentPath(rawPath: string): string {
  return rawPath.replace(STREAM_FILE, '')
}

function streamOf(path: string): Resource {
  return {
    kind: 'pattern',
    text: `${path} with its playlists and chunks`,
    covers: ({ target }: RequestContext) => contentPath(target.rawPath) === path,
  }
}

/** All parameters that begin with the prefix count; what is signed are all but the hash, sorted. */
function inPrefixed(prefix: string): DigestPlace {
  const [hash, start, end] = [`${prefix}hash`, `${prefix}starttime`, `${prefix}endtime`]
  return {
    place: 'query',
    trigger: { place: 'query', name: hash },
    find: ({ rawQuery = '' }) => (parameterIndex(rawQuery, hash) < 0 ? undefined : 'sure'),
    read({ rawPath, rawQuery }) {
      const fields = new Map<string, string>()
      for (const { name, value } of parametersOf(rawQuery)) {
        if (!name.startsWith(prefix)) continue
        if (fields.has(name)) return refuse('link_malformed', 'a parameter occurs twice')
        fields.set(name, value)
      }
      const signature = fields.get(hash) ?? ''
      fields.delete(hash)
      return {
        signature,
        time: fields.get(end),
        begin: fields.get(start),
        path: contentPath(rawPath),
        query: [...fields].map(([name, value]) => `${name}=${value}`).join('&'),
      }
    },
    draft: (path, time, begin) => ({
      signature: '',
      time,
      begin,
      path: contentPath(path),
      query: [...(begin === undefined ? [] : [`${start}=${begin}`]), `${end}=${time}`].join('&'),
    }),
    write: ({ query, signature }, path) => `${path}?${query}&${hash}=${signature}`,
  }
}

/**
 * Wowza's SecureToken 2: `?<p>starttime=&<p>endtime=&<p>hash=`, a plain hash over the content path and a
 * sorted list in which the secret and the client's address stand bare among the parameters.
 */
export const wowzaSecureToken = defineScheme({
  name: NAME,
  algorithms: ['HS256', 'HS384', 'HS512'],
  options: z.strictObject({
    prefix: parameterName.default('wowzatoken').describe('What its parameters begin with.'),
    algorithm: z.enum(['sha256', 'sha384', 'sha512']).default('sha256').describe('The digest.'),
    includeIp: z
      .boolean()
      .default(false)
      .describe("Whether the client's address is hashed, as set at the server."),
    allowUnlimited: unlimitedOption,
  }),
  marks: ({ prefix }) => [`query ${prefix}hash`],
  create: ({ prefix, algorithm, includeIp, allowUnlimited }) =>
    new KeyedDigest({
      name: NAME,
      places: [inPrefixed(prefix)],
      digest: algorithm,
      isHmac: false,
      encoding: 'base64url-padded',
      bytes: BYTES[algorithm],
      time: DECIMAL,
      allowUnlimited,
      bindsAddress: includeIp,
      hasBegin: true,
      outside: (path) => (isHostilePath(path) ? 'it could mean another path' : undefined),
      resource: ({ path }) => streamOf(path),
      inputs: [
        ({ path, query, client, secret }) => {
          const list = [...(includeIp ? [client] : []), secret, ...query.split('&')]
          return `${path.slice(1)}?${list
            .filter((part) => part !== '')
            .sort()
            .join('&')}`
        },
      ],
    }),
})
