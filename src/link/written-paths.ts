import { encodePath } from '../request/canonical-path.ts'
import type { RequestContext } from '../request/request-context.ts'

/**
 * The two ways in which signers write the path of an object, plain and percent-encoded, as octets. Both
 * follow from the object alone: however a client encodes its request, it cannot reach another pattern.
 */
export function writtenPaths({ path }: Pick<RequestContext, 'path'>): [string, string] {
  return [Buffer.from(path).toString('latin1'), encodePath(path)]
}
