import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { policySchema } from './policy-schema.ts'
import { gatewaySchema } from './schema.ts'

/** The JSON Schemas (draft 2020-12) that editors use, by file name. They describe what is written, so defaults are optional. */
export function jsonSchemaFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['gateway.schema.json', asText(gatewaySchema)],
    ['policy.schema.json', asText(policySchema)],
  ])
}

function asText(schema: z.core.$ZodType): string {
  return `${JSON.stringify(z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' }), null, 2)}\n`
}

export function writeJsonSchemas(directory: string): void {
  for (const [name, text] of jsonSchemaFiles()) writeFileSync(join(directory, name), text)
}

if (import.meta.main) writeJsonSchemas(process.argv[2] ?? 'config')
