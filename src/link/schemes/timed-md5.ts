import { randomBytes } from 'node:crypto'
import type { DigestInput, KeyedDigestFormat } from './digest-format.ts'
import { type DigestPlace, inOneParameter, inParameters, inPath } from './digest-place.ts'
import { DECIMAL, HEX, MINUTE_STAMP } from './digest-time.ts'

/** What the types of Alibaba's and Tencent's URL authentication share. */
export const TIMED_MD5 = {
  digest: 'md5',
  isHmac: false,
  encoding: 'hex',
  bytes: 16,
  allowUnlimited: false,
} as const

/** Where a type carries its link, and what it hashes. */
export type TimedForm = Pick<KeyedDigestFormat, 'places' | 'time' | 'inputs'>

/** A hyphen inside of rand or uid would move the borders between the pieces. */
const PACKED = /^(?<time>\d+)-(?<rand>[^-]+)-(?<uid>[^-]+)-(?<signature>[^-]*)$/

/** Type A: `?auth_key=T-rand-uid-MD5(path-T-rand-uid-secret)`. */
export function packedForm(param: string, isShared: boolean, ttl: number): TimedForm {
  const place = inOneParameter({
    name: param,
    shape: PACKED,
    isShared,
    write: ({ time, rand, uid, signature }) => [time, rand, uid, signature].join('-'),
  })
  return {
    places: [
      {
        ...place,
        draft: (path, time) => ({
          ...place.draft(path, time),
          rand: randomBytes(16).toString('hex'),
          uid: '0',
        }),
      },
    ],
    time: { ...DECIMAL, ttl },
    inputs: [({ path, time, rand, uid, secret }) => [path, time, rand, uid, secret].join('-')],
  }
}

/** Type B: `/YYYYMMDDHHMM/MD5(secret, stamp, path)/path`, the stamp in UTC+8. */
export function stampForm(ttl: number): TimedForm {
  return {
    places: [
      inPath(
        /^\/(?<time>\d{12})\/(?<signature>[0-9a-f]{32})(?<path>\/.*)$/,
        ({ time, signature }) => `/${time}/${signature}`,
      ),
    ],
    time: { ...MINUTE_STAMP, ttl },
    inputs: [timeThenPath],
  }
}

/** Type C: `/MD5/hex time/path`. */
export const IN_HEX_PATH: DigestPlace = inPath(
  /^\/(?<signature>[0-9a-f]{32})\/(?<time>[0-9a-fA-F]{8,12})(?<path>\/.*)$/,
  ({ time, signature }) => `/${signature}/${time}`,
)

/** Types F and D: signature and time in parameters of their own. */
export function parameterForm(
  signature: string,
  time: string,
  timeFormat: 'dec' | 'hex',
  ttl: number,
): TimedForm {
  return {
    places: [inParameters({ signature, time })],
    time: { ...(timeFormat === 'hex' ? HEX : DECIMAL), ttl },
    inputs: [pathThenTime],
  }
}

export const pathThenTime: DigestInput = ({ secret, path, time }) => `${secret}${path}${time}`

export const timeThenPath: DigestInput = ({ secret, path, time }) => `${secret}${time}${path}`
