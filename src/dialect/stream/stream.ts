import type { Dialect } from '../dialect.ts'
import type { DialectServices } from '../services.ts'
import { endpointsOf, isApiPath } from './call.ts'
import { downloadOperations } from './download-operations.ts'
import { failure } from './envelope.ts'
import { fileEndpoints } from './file.ts'
import { keyOperations } from './key-operations.ts'
import { tokenOperation } from './token-operation.ts'

/** The API of Cloudflare Stream for downloads, with its tokens and keys, and the files themselves. */
export function streamDialect(services: DialectServices): Dialect {
  const operations = [
    ...keyOperations(services),
    ...downloadOperations(services),
    tokenOperation(services),
  ]
  return {
    name: 'stream',
    title: 'Cloudflare Stream',
    endpoints: [
      ...operations.flatMap((operation) => endpointsOf(services, operation)),
      ...fileEndpoints(services),
    ],
    problem: (context, { status, title }) =>
      isApiPath(context.path) ? failure(status, title) : undefined,
  }
}
