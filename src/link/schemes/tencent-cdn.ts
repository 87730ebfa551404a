import { z } from 'zod'
import { defineScheme } from '../definition.ts'
import { type DigestInput, parameterName, ttlOption } from './digest-format.ts'
import { HEX } from './digest-time.ts'
import { KeyedDigest } from './keyed-digest.ts'
import {
  IN_HEX_PATH,
  packedForm,
  parameterForm,
  pathThenTime,
  stampForm,
  type TimedForm,
  TIMED_MD5,
  timeThenPath,
} from './timed-md5.ts'

const NAME = 'tencent-cdn'

const tencentOptions = z.strictObject({
  variant: z.enum(['A', 'B', 'C', 'D']).default('A').describe('The type of authentication.'),
  ttl: ttlOption(1800),
  signParam: parameterName
    .default('sign')
    .describe('The parameter of the signature, for types A and D.'),
  timeParam: parameterName.default('t').describe('The parameter of the time, for type D.'),
  timeFormat: z.enum(['dec', 'hex']).default('dec').describe('How type D writes the time.'),
  order: z
    .enum(['key-time-path', 'key-path-time'])
    .optional()
    .describe(
      'What type C hashes: the CDN key-time-path, EdgeOne key-path-time. Default: either; new links have the first.',
    ),
})

type TencentOptions = z.output<typeof tencentOptions>

/** A path begins with a slash and a time with a digit: no text can be read in both orders. */
const ORDERS = {
  'key-time-path': [timeThenPath],
  'key-path-time': [pathThenTime],
  either: [timeThenPath, pathThenTime],
} as const satisfies Record<string, readonly [DigestInput, ...DigestInput[]]>

function formOf(options: TencentOptions): TimedForm {
  const { variant, ttl, signParam, timeParam, timeFormat, order = 'either' } = options
  switch (variant) {
    case 'A':
      return packedForm(signParam, true, ttl)
    case 'B':
      return stampForm(ttl)
    case 'C':
      return { places: [IN_HEX_PATH], time: { ...HEX, ttl }, inputs: ORDERS[order] }
    case 'D':
      return parameterForm(signParam, timeParam, timeFormat, ttl)
    default:
      return variant satisfies never
  }
}

function markOf({ variant, signParam, timeParam }: TencentOptions): string {
  switch (variant) {
    case 'A':
      return `query ${signParam} time-rand-uid-md5`
    case 'B':
      return 'path stamp/md5'
    case 'C':
      return 'path md5/hex'
    case 'D':
      return `query ${signParam}+${timeParam}`
    default:
      return variant satisfies never
  }
}

/** Tencent Cloud CDN's and EdgeOne's URL authentication, types A to D. */
export const tencentCdn = defineScheme({
  name: NAME,
  algorithms: ['MD5'],
  options: tencentOptions,
  marks: (options) => [markOf(options)],
  create: (options) => new KeyedDigest({ name: NAME, ...TIMED_MD5, ...formOf(options) }),
})
