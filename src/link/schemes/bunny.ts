import { z } from 'zod'
import { type Address, maskAddress, type Network, parseAddress } from '../../base/address.ts'
import { equalBytes } from '../../base/bytes.ts'
import type { Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import type { ConstraintName } from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { identify, type Resource } from '../grant.ts'
import { isHostilePath } from '../hostile-path.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal, parseExpiry, readFields } from '../link-fields.ts'
import { decodeOctets } from '../octets.ts'
import { rawParameters } from '../raw-query.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  type LinkRequest,
  malformed,
  refused,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import { writtenPaths } from '../written-paths.ts'
import { type BunnyParameters, isOwn, readParameters, signedText } from './bunny-parameters.ts'
import {
  type BunnyMessage,
  type BunnyToken,
  FORMS,
  isLockedToken,
  isTokenShaped,
  macOf,
  messageBytes,
  readToken,
  writeToken,
} from './bunny-token.ts'
import { namedAddress, namedParameters } from './bunny-minting.ts'
import { countryRules } from './country-rules.ts'
import { matchingKey } from './matching-key.ts'

const NAME = 'bunny'
const SEGMENT = '/bcdn_token='

const options = z.strictObject({
  accept: z
    .array(z.enum(FORMS))
    .min(1)
    .default(['hs256'])
    .describe('Digests that are accepted. New links are signed with the first.'),
  ipBound: z
    .boolean()
    .default(false)
    .describe(
      'Whether sha256 and md5 tokens hash the client address; hs256 tokens say it themselves.',
    ),
  links: z
    .enum(['query', 'path'])
    .default('query')
    .describe(
      'Where new links carry the token: `?token=…` or `/bcdn_token=…/path`. Both are accepted.',
    ),
})

type Options = z.output<typeof options>

/**
 * Token authentication of Bunny CDN: `?token=…&expires=E` or `/bcdn_token=…&expires=E/path`. All other
 * parameters are signed too, and some of them restrict the link: `token_path` opens a prefix,
 * `token_countries` names countries, `limit` is a speed.
 */
export class Bunny implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[] = [
    { place: 'query', name: 'token' },
    { place: 'path', text: '/bcdn_token=' },
  ]
  readonly expresses: ReadonlySet<ConstraintName>
  readonly signsPrefixes: boolean
  readonly #options: Options

  constructor(given: Options) {
    this.#options = given
    const form = given.accept[0]
    this.signsPrefixes = form !== 'md5'
    this.expresses = new Set<ConstraintName>([
      ...(form === 'hs256' || given.ipBound ? (['ip'] as const) : []),
      ...(form === 'md5' ? [] : (['rate', 'accessRules'] as const)),
    ])
  }

  cutPath(rawPath: string): string | undefined {
    if (!rawPath.startsWith(SEGMENT)) return undefined
    const end = rawPath.indexOf('/', 1)
    return end < 0 ? undefined : rawPath.slice(end)
  }

  find({ target, client }: RequestContext): Found {
    const { rawPath, rawQuery = '' } = target
    const path = this.cutPath(rawPath)
    if (path === undefined) {
      if (!rawQuery.includes('token=')) return ABSENT
      // without an expiry and without its own mark, it is the token of another format
      if (!rawQuery.includes('expires=') && !rawQuery.includes('token=HS')) return ABSENT
    }
    const segment = path === undefined ? '' : rawPath.slice(1, rawPath.length - path.length)
    const carried = segment && rawQuery ? `${segment}&${rawQuery}` : segment || rawQuery
    const parameters = rawParameters(carried)
    const fields = readFields(parameters, ['token', 'bcdn_token', 'expires'])
    if (isRefusal(fields)) return { outcome: 'refused', refusal: fields }
    const { token, bcdn_token: segmentToken, expires } = fields
    if (token !== undefined && segmentToken !== undefined) {
      return refused('link_ambiguous', 'the request carries several tokens')
    }
    const text = path === undefined ? token : segmentToken
    if (text === undefined) return ABSENT
    const isShaped = isTokenShaped(text)
    if (expires === undefined && path === undefined && !isShaped) return ABSENT
    const isPrefix = parameters.some(({ name }) => name === 'token_path')
    const carrier: Carrier = {
      place: path === undefined ? 'query' : 'path',
      // a prefix is verified once for all below it
      text: [carried, this.#hashedAddress(text, client), isPrefix ? '' : (path ?? rawPath)].join(
        '\n',
      ),
    }
    const isSure = path !== undefined || (isShaped && expires !== undefined)
    return isSure ? { outcome: 'found', carrier } : { outcome: 'found', carrier, isWeak: true }
  }

  verify({ text }: Carrier, keys: KeyRing, context: RequestContext): Verified {
    const { token, isAddressed, message, parameters } = this.#read(text)
    if (!token) return malformed('the token is none of Bunny')
    if (!this.#options.accept.includes(token.form)) {
      return malformed(`tokens of the form ${token.form} are not accepted here`)
    }
    if (message.expires === '') return malformed('the link has no expiry')
    if (typeof parameters === 'string') return malformed(parameters)
    const { tokenPath, countries, rate } = parameters
    if (token.form === 'md5' && (tokenPath !== undefined || countryRules(countries))) {
      return malformed('a basic token signs no token_ parameters')
    }
    if (isAddressed && !message.address) {
      return refused('address_not_allowed', 'the client address is unknown')
    }
    if (token.form === 'sha256' && couldBeAddress(message)) {
      return malformed('the name of a parameter could be the end of the address')
    }
    const messages = (tokenPath === undefined ? pathsOf(message.path) : [octetsOf(tokenPath)]).map(
      (path) => ({ ...message, path }),
    )
    const find = (key: Key): BunnyMessage | undefined =>
      messages.find((one) => equalBytes(macOf(token.form, key, one), token.mac))
    const key = matchingKey(keys, NAME, context.now, (one) => find(one) !== undefined)
    if (isRefusal(key)) return { outcome: 'refused', refusal: key }
    const validUntil = parseExpiry(message.expires, context.now)
    if (typeof validUntil !== 'number') return { outcome: 'refused', refusal: validUntil }
    const accessRules = countryRules(countries)
    const signed = messageBytes(token.form, find(key) ?? message).toString('latin1')
    const grant = {
      scheme: NAME,
      key,
      ...identify(key, undefined, signed),
      resource: this.#resource(tokenPath, context),
      validUntil,
      constraints: {
        ...(message.address && { ip: [networkOf(token, message.address)] }),
        ...(token.form !== 'md5' && rate !== undefined && { rate }),
        ...(accessRules && { accessRules }),
      },
    }
    return { outcome: 'granted', grant }
  }

  sign({ path, expiresAt, constraints }: LinkRequest, key: Key): SignedLink | Refusal {
    const [form = 'hs256'] = this.#options.accept
    const address = namedAddress(constraints, form === 'hs256', this.#options.ipBound)
    if (address && 'reason' in address) return address
    const named = namedParameters(path, constraints)
    if ('reason' in named) return named
    const raw = path.endsWith('/*') ? path.slice(0, -1) : path
    const [plain = raw] = form === 'sha256' ? pathsOf(raw).toReversed() : [raw]
    const mac = macOf(form, key, {
      path: octetsOf(named.get('token_path')) || plain,
      expires: String(expiresAt),
      address,
      parameters: signedText(named),
    })
    const token = writeToken(form, mac, form === 'hs256' && address !== undefined)
    const pairs = [...named].map(([name, value]) => `&${name}=${encodeURIComponent(value)}`)
    const carried = `token=${token}${pairs.join('')}&expires=${expiresAt}`
    return {
      target: this.#options.links === 'path' ? `/bcdn_${carried}${raw}` : `${raw}?${carried}`,
    }
  }

  canonicalText({ text }: Carrier): string | undefined {
    const { token, message, parameters } = this.#read(text)
    if (!token || typeof parameters === 'string') return undefined
    const path = octetsOf(parameters.tokenPath) || pathsOf(message.path)[0] || ''
    return messageBytes(token.form, { ...message, path }).toString('latin1')
  }

  /** A carrier's text taken apart again. */
  #read(text: string): {
    readonly token: BunnyToken | undefined
    readonly isAddressed: boolean
    readonly message: BunnyMessage
    readonly parameters: BunnyParameters | string
  } {
    const [carried = '', address = '', path = ''] = text.split('\n')
    const raw = rawParameters(carried)
    const valueOf = (...names: string[]): string =>
      raw.find(({ name }) => names.includes(name))?.value ?? ''
    const token = readToken(valueOf('token', 'bcdn_token'))
    // an md5 token signs no parameters: those of the application may be anything
    const parameters = readParameters(
      token?.form === 'md5' ? raw.filter(({ name }) => isOwn(name)) : raw,
    )
    return {
      token,
      isAddressed: token !== undefined && this.#isAddressed(token),
      message: {
        path,
        expires: valueOf('expires'),
        address: parseAddress(address),
        parameters: typeof parameters === 'string' ? '' : parameters.signed,
      },
      parameters,
    }
  }

  #isAddressed({ form, isLocked }: BunnyToken): boolean {
    return form === 'hs256' ? isLocked : this.#options.ipBound
  }

  #hashedAddress(token: string, client: Address | undefined): string {
    if (!client) return ''
    if (isLockedToken(token)) return maskAddress(client, client.family === 4 ? 32 : 64).text
    return this.#options.ipBound && !token.startsWith('HS256-') ? client.text : ''
  }

  #resource(tokenPath: string | undefined, { path }: RequestContext): Resource {
    if (tokenPath === undefined) return { kind: 'exact', path }
    const prefix = octetsOf(tokenPath)
    return {
      kind: 'pattern',
      text: `${tokenPath}*`,
      covers: (context) => {
        const { rawPath } = context.target
        return (
          !isHostilePath(this.cutPath(rawPath) ?? rawPath) &&
          writtenPaths(context).some((written) => written.startsWith(prefix))
        )
      },
    }
  }
}

/** The path as sent and decoded: the vendor's samples differ on which one they sign. */
function pathsOf(rawPath: string): string[] {
  const decoded = isHostilePath(rawPath) ? undefined : decodeOctets(rawPath)
  return decoded === undefined || decoded === rawPath ? [rawPath] : [rawPath, decoded]
}

function octetsOf(text = ''): string {
  return Buffer.from(text).toString('latin1')
}

function networkOf({ form }: BunnyToken, address: Address): Network {
  return { first: address, prefix: address.family === 4 ? 32 : form === 'hs256' ? 64 : 128 }
}

/** Address and parameters are hashed with nothing between them: `10.0.0.1` and `7x=1` are `10.0.0.17` and `x=1`. */
function couldBeAddress({ address, parameters }: BunnyMessage): boolean {
  if (!address) return false
  return (address.family === 4 ? /^[\d.]/ : /^[\da-f:.]/).test(parameters)
}

export const bunny = defineScheme({
  name: NAME,
  algorithms: ['HS256', 'MD5'],
  options,
  marks: () => ['query token+expires', 'path bcdn_token'],
  create: (given) => new Bunny(given),
})
