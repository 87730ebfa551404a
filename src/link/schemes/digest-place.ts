import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestTarget } from '../../request/request-target.ts'
import { isRefusal, parametersOf, readFields } from '../link-fields.ts'
import { parameterIndex, parameterValues } from '../raw-query.ts'
import type { Trigger } from '../scheme.ts'

/** The pieces of a link, as they were sent. */
export interface DigestParts {
  readonly signature: string
  readonly time: string | undefined
  /** When the link begins, for formats that say it. */
  readonly begin?: string | undefined
  /** The path that is signed, raw. */
  readonly path: string
  /** The part of the raw query that is signed; empty where none is. */
  readonly query: string
  readonly rand?: string | undefined
  readonly uid?: string | undefined
}

/** Where links of a format carry their time and signature. */
export interface DigestPlace {
  readonly place: 'query' | 'path'
  readonly trigger: Trigger
  /** Whether a request has a link here; weak when only a name speaks for it that other formats have, too. */
  find(target: RequestTarget): 'sure' | 'weak' | undefined
  read(target: RequestTarget): DigestParts | Refusal
  /** The pieces of a new link before it is signed. */
  draft(path: string, time: string, begin?: string): DigestParts
  /** The target for a path as it was asked for. */
  write(parts: DigestParts, path: string): string
  readonly cutPath?: (rawPath: string) => string | undefined
}

interface ParameterNames {
  readonly signature: string
  /** The one whose name tells most; default: the signature. */
  readonly trigger?: string
  /** Absent where links of the format never expire. */
  readonly time?: string
  /** Whether `time` may be left out. */
  readonly isTimeOptional?: boolean
  /** Whether no other format has the name of the signature. */
  readonly isDistinct?: boolean
  /** What of the query is signed: nothing, all but the format's own parameters, or all but the signature. */
  readonly signs?: 'nothing' | 'others' | 'all'
  /** Whether the signature has to be the last parameter. */
  readonly isLast?: boolean
  readonly isIgnored?: (parameter: string) => boolean
}

/** A signature and a time in parameters of their own. */
export function inParameters(names: ParameterNames): DigestPlace {
  const { signature, time, isTimeOptional = false, isDistinct = false, signs = 'nothing' } = names
  const own = time === undefined ? [signature] : [signature, time]
  const isSigned = (name: string): boolean =>
    signs === 'all' ? name !== signature : signs === 'others' && !own.includes(name)
  return {
    place: 'query',
    trigger: { place: 'query', name: names.trigger ?? signature },
    find({ rawQuery = '' }) {
      if (parameterIndex(rawQuery, signature) < 0) return undefined
      if (isDistinct) return 'sure'
      if (time !== undefined && parameterIndex(rawQuery, time) >= 0) return 'sure'
      return time === undefined || isTimeOptional ? 'weak' : undefined
    },
    read({ rawPath, rawQuery }) {
      const parameters = parametersOf(rawQuery)
      const fields = readFields(parameters, own)
      if (isRefusal(fields)) return fields
      const at = parameters.findIndex(({ name }) => name === signature)
      // what platforms append to any link was not there when it was signed
      const mayFollow = (name: string): boolean =>
        (names.isIgnored?.(name) ?? false) && !own.includes(name)
      const pairs = (rawQuery ?? '').split('&')
      const kept = pairs.filter((_, i) => i <= at || !mayFollow(parameters[i]?.name ?? ''))
      if (names.isLast && kept.length > at + 1) {
        return refuse('link_malformed', `more than ignored parameters follows ${signature}`)
      }
      return {
        signature: fields[signature] ?? '',
        time: time === undefined ? undefined : fields[time],
        path: rawPath,
        query: kept.filter((pair) => isSigned(pair.split('=', 1)[0] ?? '')).join('&'),
      }
    },
    draft: (path, text) => ({
      signature: '',
      time: time === undefined ? undefined : text,
      path,
      query: time !== undefined && signs === 'all' ? `${time}=${text}` : '',
    }),
    write: (parts) =>
      time === undefined
        ? `${parts.path}?${signature}=${parts.signature}`
        : `${parts.path}?${time}=${parts.time}&${signature}=${parts.signature}`,
  }
}

interface PackedParameter {
  readonly name: string
  /** What the value looks like, with the groups `time` and `signature`, maybe `rand` and `uid`. */
  readonly shape: RegExp
  readonly write: (parts: DigestParts) => string
  /** Whether other formats have a parameter of this name: then the shape of the value decides. */
  readonly isShared: boolean
  readonly signs?: 'nothing' | 'others'
  readonly isIgnored?: (parameter: string) => boolean
}

/** Everything in one parameter. */
export function inOneParameter(packed: PackedParameter): DigestPlace {
  const { name, shape, isShared } = packed
  const { signs = 'nothing', isIgnored = () => false } = packed
  const plain = inParameters({ signature: name, signs, isIgnored })
  return {
    ...plain,
    find({ rawQuery = '' }) {
      const values = parameterValues(rawQuery, name)
      if (values.length === 0) return undefined
      return !isShared || values.some((value) => shape.test(value)) ? 'sure' : undefined
    },
    read(target) {
      const parts = plain.read(target)
      if (isRefusal(parts)) return parts
      const { signature = '', time, rand, uid } = shape.exec(parts.signature)?.groups ?? {}
      if (time === undefined) return refuse('link_malformed', `${name} has not the form of a token`)
      return { ...parts, signature, time, rand, uid }
    },
    draft: (path, time) => ({ signature: '', time, path, query: '' }),
    write: (parts) => `${parts.path}?${name}=${packed.write(parts)}`,
  }
}

/** Segments in front of the path. */
export function inPath(
  /** With the groups `signature`, `time` and `path`. */
  shape: RegExp,
  write: (parts: DigestParts) => string,
): DigestPlace {
  return {
    place: 'path',
    trigger: { place: 'shape' },
    find: ({ rawPath }) => (shape.test(rawPath) ? 'sure' : undefined),
    read({ rawPath }) {
      const { signature = '', time, path = '' } = shape.exec(rawPath)?.groups ?? {}
      return { signature, time, path, query: '' }
    },
    draft: (path, time) => ({ signature: '', time, path, query: '' }),
    write: (parts) => write(parts) + parts.path,
    cutPath: (rawPath) => shape.exec(rawPath)?.groups?.['path'],
  }
}
