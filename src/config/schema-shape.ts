import { z } from 'zod'
import { valueAt } from './draft.ts'
import type { PathSegment } from './problem.ts'

/** What may stand below a place of a schema: named fields, any name, or numbered items. */
export type Shape =
  | { readonly kind: 'fields'; readonly fields: ReadonlyMap<string, z.core.$ZodType> }
  | { readonly kind: 'names'; readonly value: z.core.$ZodType }
  | { readonly kind: 'items'; readonly item: z.core.$ZodType }
  | { readonly kind: 'scalar' }

/**
 * The shape of a schema, behind its defaults and transforms. A union of maps gives all their fields, or
 * those of the one that the value is by its discriminator.
 */
export function shapeOf(schema: z.core.$ZodType, value?: unknown): Shape {
  const bare = unwrap(schema)
  if (bare instanceof z.ZodObject)
    return { kind: 'fields', fields: new Map(Object.entries(bare.shape)) }
  if (bare instanceof z.ZodRecord) return { kind: 'names', value: bare.valueType }
  if (bare instanceof z.ZodArray) return { kind: 'items', item: bare.element }
  if (!(bare instanceof z.ZodUnion)) return { kind: 'scalar' }
  const fields = new Map<string, z.core.$ZodType>()
  for (const option of bare.options) {
    if (!mayBe(bare, option, value)) continue
    const shape = shapeOf(option, value)
    if (shape.kind === 'fields') for (const [name, field] of shape.fields) fields.set(name, field)
  }
  return { kind: 'fields', fields }
}

/** The schema of what stands below `segment`. */
export function stepShape(shape: Shape, segment: PathSegment): z.core.$ZodType | undefined {
  switch (shape.kind) {
    case 'fields':
      return shape.fields.get(String(segment))
    case 'names':
      return shape.value
    case 'items':
      return shape.item
    case 'scalar':
      return undefined
    default:
      return shape satisfies never
  }
}

/** The names of the fields at a path of a schema, for the data there; none where names are free. */
export function fieldNamesAt(
  schema: z.core.$ZodType,
  data: unknown,
  path: readonly PathSegment[],
): readonly string[] {
  let at: z.core.$ZodType | undefined = schema
  for (const [depth, segment] of path.entries()) {
    at = at && stepShape(shapeOf(at, valueAt(data, path.slice(0, depth))), segment)
  }
  const shape = at && shapeOf(at, valueAt(data, path))
  return shape?.kind === 'fields' ? [...shape.fields.keys()] : []
}

/** Whether a value may be meant for an option of a union; one without a known discriminator for any. */
function mayBe(union: z.ZodUnion, option: z.core.$ZodType, value: unknown): boolean {
  if (!(union instanceof z.ZodDiscriminatedUnion) || !(option instanceof z.ZodObject)) return true
  const { discriminator } = union.def
  const given = valueAt(value, [discriminator])
  const isKnown = union.options.some((other) => takes(other, discriminator, given))
  return !isKnown || takes(option, discriminator, given)
}

function takes(option: z.core.$ZodType, discriminator: string, given: unknown): boolean {
  const literal: unknown = option instanceof z.ZodObject ? option.shape[discriminator] : undefined
  return literal instanceof z.ZodLiteral && literal.values.has(given as string)
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let at = schema
  for (;;) {
    if (at instanceof z.ZodPipe) at = at.in
    else if (
      at instanceof z.ZodOptional ||
      at instanceof z.ZodNullable ||
      at instanceof z.ZodDefault ||
      at instanceof z.ZodPrefault
    ) {
      at = at.unwrap()
    } else return at
  }
}
