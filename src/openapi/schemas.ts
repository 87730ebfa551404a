import { z } from 'zod'

export type Json = Readonly<Record<string, unknown>>

/** The schemas that a document lists by name. */
export type SchemaNames = z.core.$ZodRegistry<{ id: string }>

/** What a caller writes, as JSON Schema; a reference where the document has a name for it. */
export function schemaOf(schema: z.ZodType, names: SchemaNames): Json {
  const name = names.get(schema)?.id
  if (name !== undefined) return { $ref: reference(name) }
  return unanchored(z.toJSONSchema(schema, { io: 'input' }))
}

export function componentSchemas(names: SchemaNames): Record<string, Json> {
  const { schemas } = z.toJSONSchema(names, { io: 'input', uri: reference })
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, unanchored(schema)]),
  )
}

/** The members of an object as parameters in the query or the header of a request. */
export function parametersOf(schema: z.ZodObject | undefined, place: 'query' | 'header'): Json[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) => {
    // what a parameter is read as says more than the text that it is written as
    const { description, ...rest } = unanchored(z.toJSONSchema(field, { io: 'output' }))
    const required = !z.safeParse(field, undefined).success
    return {
      name,
      in: place,
      required,
      ...(description !== undefined && { description }),
      schema: rest,
    }
  })
}

function reference(name: string): string {
  return `#/components/schemas/${name}`
}

/** Without its own dialect and address: inside a document, both are the document's. */
function unanchored({ $schema: _dialect, $id: _address, ...schema }: Json): Json {
  return schema
}
