import { z } from 'zod'

/** The option of formats whose signature covers the method. */
export const headAsGet = z
  .boolean()
  .default(false)
  .describe('Whether a link that was signed for GET also answers HEAD.')

/** The methods that may have been signed for a request. */
export function signedMethods(method: string, isHeadGet: boolean): readonly string[] {
  return isHeadGet && method === 'HEAD' ? ['HEAD', 'GET'] : [method]
}
