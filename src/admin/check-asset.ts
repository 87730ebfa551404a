import type { z } from 'zod'
import { type Format, formatOf } from '../catalogue/format.ts'
import { isObjectName } from '../origin/object-name.ts'
import type { Origin } from '../origin/origin.ts'
import type { assetRequest } from './asset-schema.ts'
import type { FieldError } from './problem.ts'
import type { AssetAdmin } from './services.ts'

export type AssetRequest = z.output<typeof assetRequest>

/**
 * The renditions that a request gives, with the names of their formats. The asset's own object is one
 * in any case, whether or not it is named again.
 */
export function givenRenditions({ object, renditions }: AssetRequest): [Format, string][] {
  return (Object.entries(renditions) as [Format, { object: string } | undefined][]).flatMap(
    ([format, given]) => {
      if (!given || (given.object === object && formatOf(object) === format)) return []
      return [[format, given.object]]
    },
  )
}

/** Everything that a request names and that is not there, or not as it has to be. */
export async function assetErrors(
  admin: AssetAdmin,
  id: string,
  request: AssetRequest,
): Promise<FieldError[]> {
  const errors: FieldError[] = []
  const found = request.members
    ? archiveErrors(admin, id, request, request.members)
    : fileErrors(admin, request)
  for await (const error of found) errors.push(error)
  return errors
}

async function* archiveErrors(
  { catalogue }: AssetAdmin,
  id: string,
  request: AssetRequest,
  members: readonly string[],
): AsyncGenerator<FieldError> {
  for (const field of ['origin', 'object'] as const) {
    if (request[field] !== undefined) yield { field, message: 'an archive has none' }
  }
  if (givenRenditions(request).length > 0) {
    yield { field: 'renditions', message: 'an archive has none' }
  }
  for (const [i, member] of members.entries()) {
    const field = `members[${i}]`
    const asset = member === id ? undefined : await catalogue.asset(member)
    if (member === id) yield { field, message: 'an archive does not hold itself' }
    else if (!asset) yield { field, message: `there is no asset ${member}` }
    else if (asset.members) yield { field, message: 'an archive holds no other archive' }
    else if (members.indexOf(member) < i) yield { field, message: 'is there twice' }
  }
}

async function* fileErrors(admin: AssetAdmin, request: AssetRequest): AsyncGenerator<FieldError> {
  const { origin: name, object, status } = request
  const origin = name === undefined ? undefined : admin.origin(name)
  if (name === undefined) yield { field: 'origin', message: 'expected the name of an origin' }
  else if (!origin) yield { field: 'origin', message: 'there is no such origin' }
  if (object === undefined) yield { field: 'object', message: 'expected the name of an object' }
  else yield* objectErrors(origin, 'object', object, status === 'ready')
  for (const [format, given] of givenRenditions(request)) {
    const field = `renditions.${format}`
    if (object !== undefined && formatOf(object) === format) {
      yield { field, message: "is the format of the asset's own object" }
    }
    yield* objectErrors(origin, `${field}.object`, given, true)
  }
}

async function* objectErrors(
  origin: Origin | undefined,
  field: string,
  name: string,
  isNeeded: boolean,
): AsyncGenerator<FieldError> {
  if (!isObjectName(name)) {
    const message =
      'expected a name without empty or dot segments, backslashes and control characters'
    yield { field, message }
  } else if (origin && isNeeded && !(await exists(origin, name))) {
    yield { field, message: 'the origin has no such object' }
  }
}

async function exists(origin: Origin, name: string): Promise<boolean> {
  const found = await origin.open({ name, want: 'metadata' })
  if (found.state === 'missing') return false
  found.close()
  return true
}
