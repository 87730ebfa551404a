import { z } from 'zod'
import { defineScheme } from '../definition.ts'
import { parameterName, ttlOption } from './digest-format.ts'
import { inParameters } from './digest-place.ts'
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
} from './timed-md5.ts'

const NAME = 'alibaba-cdn'

const alibabaOptions = z.strictObject({
  variant: z.enum(['A', 'B', 'C', 'F']).default('A').describe('The type of URL signing.'),
  ttl: ttlOption(1800),
  signParam: parameterName
    .optional()
    .describe('The parameter of the signature. Default: auth_key for A, KEY1 for C, sign for F.'),
  timeParam: parameterName
    .optional()
    .describe('The parameter of the time. Default: KEY2 for C, time for F.'),
  timeFormat: z.enum(['dec', 'hex']).default('dec').describe('How type F writes the time.'),
})

type AlibabaOptions = z.output<typeof alibabaOptions>

function formOf({ variant, ttl, signParam, timeParam, timeFormat }: AlibabaOptions): TimedForm {
  switch (variant) {
    case 'A':
      return packedForm(signParam ?? 'auth_key', signParam !== undefined, ttl)
    case 'B':
      return stampForm(ttl)
    case 'C': {
      const inQuery = inParameters({ signature: signParam ?? 'KEY1', time: timeParam ?? 'KEY2' })
      return {
        places: [IN_HEX_PATH, inQuery],
        time: { ...HEX, ttl },
        inputs: [pathThenTime],
      }
    }
    case 'F':
      return parameterForm(signParam ?? 'sign', timeParam ?? 'time', timeFormat, ttl)
    default:
      return variant satisfies never
  }
}

function marksOf({ variant, signParam, timeParam }: AlibabaOptions): string[] {
  switch (variant) {
    case 'A':
      return [`query ${signParam ?? 'auth_key'} time-rand-uid-md5`]
    case 'B':
      return ['path stamp/md5']
    case 'C':
      return ['path md5/hex', `query ${signParam ?? 'KEY1'}+${timeParam ?? 'KEY2'}`]
    case 'F':
      return [`query ${signParam ?? 'sign'}+${timeParam ?? 'time'}`]
    default:
      return variant satisfies never
  }
}

/** Alibaba Cloud CDN's URL signing, types A, B, C and F. */
export const alibabaCdn = defineScheme({
  name: NAME,
  algorithms: ['MD5'],
  options: alibabaOptions,
  marks: marksOf,
  create: (options) => new KeyedDigest({ name: NAME, ...TIMED_MD5, ...formOf(options) }),
})
