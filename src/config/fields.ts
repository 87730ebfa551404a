import { z } from 'zod'
import { didYouMean } from './suggestion.ts'

/** Fields that several schemas share. */

/** One of the values; those of `foreign` are refused with a text of their own. */
export function choice<const T extends string>(
  values: readonly [T, ...T[]],
  foreign: Readonly<Record<string, string>> = {},
) {
  return z.enum(values, {
    error: ({ input }) => {
      if (typeof input !== 'string') return `expected one of ${values.join(', ')}`
      if (Object.hasOwn(foreign, input)) return foreign[input]
      return `expected one of ${values.join(', ')}${didYouMean(input, values)}`
    },
  })
}

/** A name that operators give to an origin, a list or a policy; never readable as an address. */
export const givenName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, {
  error: 'a name has 1 to 64 letters, digits, - and _, and begins with a letter or digit',
})

export const text = z.string().min(1, { error: 'must not be empty' })

export const host = z
  .string()
  .regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/, {
    error: 'expected a host name or an address, without a port',
  })

/** `host`, `host:port` or `[v6]:port`. */
export const hostAndPort = z
  .string()
  .regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/, {
    error: 'expected a host name or address, with or without a port',
    abort: true,
  })
  .refine((value) => URL.canParse(`http://${value}`), {
    error: 'is no host or address that a URL can hold',
  })

export const port = z.int().min(0).max(65535)

/** The longest time that a timer of Node holds, in whole days. */
const MAX_TIMER_SECONDS = 24 * 86_400

export const timerSeconds = z.number().positive().max(MAX_TIMER_SECONDS)

export const positiveInteger = z.int().positive()

export const httpUrl = z.string().superRefine((value, context) => {
  const wrong = whyNotHttpUrl(value) ?? whyMoreThanAPath(value)
  if (wrong) context.addIssue({ code: 'custom', message: wrong })
})

/** A URL of somebody else's making; keys often stand in its query. */
export const urlWithQuery = z.string().superRefine((value, context) => {
  const wrong = whyNotHttpUrl(value)
  if (wrong) context.addIssue({ code: 'custom', message: wrong })
})

function whyNotHttpUrl(value: string): string | undefined {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value))
    return 'expected an http:// or https:// URL'
  const url = new URL(value)
  if (url.username || url.password) return 'must not hold a user name or password'
  return undefined
}

function whyMoreThanAPath(value: string): string | undefined {
  return /[?#]/.test(value) ? 'must not hold a query or fragment' : undefined
}

export const enforcement = choice(['enforce', 'observe'])

/** Of rules that can be watched before they bind. */
export const ownEnforcement = {
  enforcement: enforcement
    .optional()
    .describe("This rule's own enforcement; default: that of the policy."),
}
