import { z } from 'zod'
import { defineScheme } from '../definition.ts'
import type { DigestPlace } from './digest-place.ts'
import { DECIMAL } from './digest-time.ts'
import { KeyedDigest } from './keyed-digest.ts'

const NAME = 'imgproxy'
const EXPIRES = /^(?:exp|expires):(.*)$/

/** The times of a signed path. Options are the segments with a colon in front of the source. */
function expiries(path: string): string[] {
  const times: string[] = []
  for (const raw of path.split('/').slice(1)) {
    // an encoded colon must not hide an expiry
    const segment = raw.replaceAll(/%3[Aa]/g, ':')
    if (!segment.includes(':')) break
    const time = EXPIRES.exec(segment)?.[1]
    if (time !== undefined) times.push(time)
  }
  return times
}

/** The signature as first segment; the expiry is one of the processing options behind it. */
function inFirstSegment(bytes: number): DigestPlace {
  const shape = new RegExp(`^/([A-Za-z0-9_-]{${Math.ceil((bytes * 8) / 6)}}={0,2})(/.*)$`)
  return {
    place: 'path',
    trigger: { place: 'shape' },
    find: ({ rawPath }) => (shape.test(rawPath) ? 'sure' : undefined),
    read({ rawPath }) {
      const [, signature = '', path = ''] = shape.exec(rawPath) ?? []
      return { signature, time: expiries(path)[0], path, query: '' }
    },
    draft: (path, time) => ({ signature: '', time, path: `/exp:${time}${path}`, query: '' }),
    write: ({ signature, path }) => `/${signature}${path}`,
    cutPath(rawPath) {
      const path = shape.exec(rawPath)?.[2]
      if (path === undefined) return undefined
      // without the expiry, too: one object, whichever link asks for it
      return expiries(path).length === 0 ? path : path.replace(/\/(?:exp|expires):[^/]*/, '')
    },
  }
}

/** Signed imgproxy URLs: `/base64url(HMAC-SHA256(salt, path))/exp:E/…/source`. */
export const imgproxy = defineScheme({
  name: NAME,
  algorithms: ['HS256'],
  options: z.strictObject({
    signatureSize: z
      .int()
      .min(8)
      .max(32)
      .default(32)
      .describe('Bytes of the signature, as IMGPROXY_SIGNATURE_SIZE.'),
    keyId: z.string().min(1).default('key').describe('The kid of the key (IMGPROXY_KEY).'),
    saltId: z.string().min(1).default('salt').describe('The kid of the salt (IMGPROXY_SALT).'),
    allowUnlimited: z
      .boolean()
      .default(false)
      .describe('Takes links without an exp option. They open their object while the key lives.'),
  }),
  marks: ({ signatureSize }) => [`path imgproxy ${signatureSize}`],
  create: ({ signatureSize, keyId, saltId, allowUnlimited }) =>
    new KeyedDigest({
      name: NAME,
      places: [inFirstSegment(signatureSize)],
      digest: 'sha256',
      isHmac: true,
      encoding: 'base64url',
      bytes: signatureSize,
      // imgproxy compares with `timestamp < now`
      time: { ...DECIMAL, isInclusive: true },
      allowUnlimited,
      pair: { keyId, saltId },
      outside: (path) => (expiries(path).length > 1 ? 'it says two expiries' : undefined),
      inputs: [({ salt, path }) => `${salt}${path}`],
    }),
})
