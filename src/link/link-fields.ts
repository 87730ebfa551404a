import type { EpochSeconds } from '../base/clock.ts'
import { refuse, type Refusal } from '../base/refusal.ts'
import { parseCount } from './constraints.ts'
import { rawParameters, type RawParameter } from './raw-query.ts'
import { MAX_AHEAD_SECONDS } from './scheme.ts'

/** The parameters of a format, each read once. */
export type Fields<Name extends string> = { readonly [N in Name]?: string }

/**
 * The values of the parameters that a format reads, raw as sent. One of them twice refuses: servers
 * differ on which one counts.
 */
export function readFields<const Name extends string>(
  parameters: readonly RawParameter[],
  names: readonly Name[],
): Fields<Name> | Refusal {
  const fields: Record<string, string> = {}
  for (const { name, value } of parameters) {
    if (!(names as readonly string[]).includes(name)) continue
    if (Object.hasOwn(fields, name)) {
      return refuse('link_malformed', `the parameter ${name} occurs twice`)
    }
    fields[name] = value
  }
  return fields as Fields<Name>
}

/** Whether what was read is a "no". */
export function isRefusal(value: object): value is Refusal {
  return 'reason' in value && 'detail' in value
}

/** A raw query without the parameters of these names, order and bytes of the others kept. */
export function withoutFields(rawQuery: string, names: readonly string[]): string {
  return rawQuery
    .split('&')
    .filter((pair) => !names.includes(pair.split('=', 1)[0] ?? ''))
    .join('&')
}

/** The parameters of a raw query that may be absent. */
export function parametersOf(rawQuery: string | undefined): RawParameter[] {
  return rawQuery === undefined ? [] : rawParameters(rawQuery)
}

/** An expiry as most formats write it: decimal digits, at most ten years ahead. */
export function parseExpiry(text: string | undefined, now: EpochSeconds): EpochSeconds | Refusal {
  const expires = text === undefined ? undefined : parseCount(text)
  if (expires === undefined) {
    return refuse('link_malformed', 'the expiry is missing or no whole number of seconds')
  }
  if (expires > now + MAX_AHEAD_SECONDS) {
    return refuse('link_malformed', 'the expiry lies more than 10 years ahead')
  }
  return expires
}
