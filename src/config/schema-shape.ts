import { z } from 'zod'
import type { PathSegment } from './problem.ts'

/** What may stand below a place of a schema: named fields, any name, or numbered items. */
export type Shape =
  | { readonly kind: 'fields'; readonly fields: ReadonlyMap<string, z.core.$ZodType> }
  | { readonly kind: 'names'; readonly value: z.core.$ZodType }
  | { readonly kind: 'items'; readonly item: z.core.$ZodType }
  | { readonly kind: 'scalar' }

/** The shape of a schema, behind its defaults and transforms; unions of maps give all their fields. */
export function shapeOf(schema: z.core.$ZodType): Shape {
  const bare = unwrap(schema)
  if (bare instanceof z.ZodObject)
    return { kind: 'fields', fields: new Map(Object.entries(bare.shape)) }
  if (bare instanceof z.ZodRecord) return { kind: 'names', value: bare.valueType }
  if (bare instanceof z.ZodArray) return { kind: 'items', item: bare.element }
  if (!(bare instanceof z.ZodUnion)) return { kind: 'scalar' }
  const fields = new Map<string, z.core.$ZodType>()
  for (const option of bare.options) {
    const shape = shapeOf(option)
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

/** The names of the fields at a path of a schema; none where names are free. */
export function fieldNamesAt(
  schema: z.core.$ZodType,
  path: readonly PathSegment[],
): readonly string[] {
  let at: z.core.$ZodType | undefined = schema
  for (const segment of path) {
    at = at && stepShape(shapeOf(at), segment)
  }
  const shape = at && shapeOf(at)
  return shape?.kind === 'fields' ? [...shape.fields.keys()] : []
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
