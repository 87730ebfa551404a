import { z } from 'zod'
import { siteOf } from '../../request/client-site.ts'
import type { Site } from '../../request/request-context.ts'
import { defineScheme } from '../definition.ts'
import { unlimitedOption } from './digest-format.ts'
import { inParameters } from './digest-place.ts'
import { DECIMAL } from './digest-time.ts'
import { KeyedDigest } from './keyed-digest.ts'

const NAME = 'imagekit'
/** What ImageKit signs in the place of an expiry that is not there. */
const NEVER = '9999999999'

/** Where the signed paths begin, and under which host, where the endpoint says one. */
function endpointOf(urlEndpoint: string): { readonly site?: Site; readonly folder: string } {
  const [, origin, path = ''] = /^(https?:\/\/[^/]+)?(.*)$/.exec(urlEndpoint) ?? []
  const folder = path.endsWith('/') ? path : `${path}/`
  return origin === undefined ? { folder } : { site: siteOf(origin), folder }
}

/** Signed ImageKit URLs: `?ik-t=E&ik-s=hex(HMAC-SHA1(path and query below the endpoint, E))`. */
export const imagekit = defineScheme({
  name: NAME,
  algorithms: ['HS1'],
  options: z.strictObject({
    urlEndpoint: z
      .string()
      .regex(/^(?:https?:\/\/[A-Za-z0-9.:[\]-]+)?(?:\/[^\s?#]*)?$/, {
        error: 'expected a URL or a path, without a query',
      })
      .refine((text) => text.startsWith('/') || URL.canParse(text), { error: 'is no URL' })
      .default('/')
      .describe(
        'The URL endpoint: what stands before the signed path, as clients call it. A path alone goes with any host.',
      ),
    allowUnlimited: unlimitedOption,
  }),
  marks: () => ['query ik-s'],
  create({ urlEndpoint, allowUnlimited }, { isIgnored }) {
    const { site: own, folder } = endpointOf(urlEndpoint)
    return new KeyedDigest({
      name: NAME,
      places: [
        inParameters({
          signature: 'ik-s',
          time: 'ik-t',
          isTimeOptional: true,
          isDistinct: true,
          signs: 'others',
          isIgnored,
        }),
      ],
      digest: 'sha1',
      isHmac: true,
      encoding: 'hex',
      bytes: 20,
      time: DECIMAL,
      allowUnlimited,
      bindsSite: own !== undefined,
      outside: (path, { scheme, host }) =>
        !path.startsWith(folder) || (own && (own.host !== host || own.scheme !== scheme))
          ? `it lies not below ${urlEndpoint}`
          : undefined,
      inputs: [
        ({ path, query, time = NEVER }) =>
          `${path.slice(folder.length)}${query && `?${query}`}${time}`,
      ],
    })
  },
})
