import { digestText } from '../../base/bytes.ts'
import { secondsOf } from '../../base/clock.ts'
import { GatewayError } from '../../base/failure.ts'
import type { Asset, Catalogue } from '../../catalogue/catalogue.ts'
import type { ApiText } from '../../http/api.ts'
import type { RequestContext } from '../../request/request-context.ts'
import type { DialectServices } from '../services.ts'
import { type Caller, findCaller } from './caller.ts'
import { type ApiError, ERRORS } from './errors.ts'
import { type Parameters, parametersSchema, readParameters } from './parameters.ts'
import { errorText, shapeOf, urlsText } from './shape.ts'

/** How long a URL lives when the call does not say. */
const DEFAULT_SECONDS = 180

/** Answers `GET /v1/files/downloads`: a link of ours that enforces what the call asked for. */
export async function answerDownload(
  context: RequestContext,
  services: DialectServices,
): Promise<ApiText> {
  const shape = shapeOf(context)
  const caller = findCaller(context, services.clients)
  if (!caller) return errorText(ERRORS.invalid_token, shape)
  const found = await findUrls(caller, services)
  const answer =
    'code' in found ? errorText(found, shape) : urlsText(found.urls, { ...found, shape })
  return { ...answer, kid: caller.client.id }
}

interface FoundUrls {
  readonly urls: readonly string[]
  readonly isList: boolean
  readonly isRedirect: boolean
}

async function findUrls(caller: Caller, services: DialectServices): Promise<FoundUrls | ApiError> {
  const parameters = readParameters(caller.rawQuery, services.isIgnoredParameter)
  if (!parameters) return ERRORS.invalid_input
  // a token and a client_id that is not its own contradict each other
  if ((parameters.client_id ?? caller.client.id) !== caller.client.id) return ERRORS.invalid_token
  const asset = await findAsset(services.catalogue, parameters)
  const files = asset && (await filesOf(services.catalogue, asset))
  if (!files) return ERRORS.file_missing
  const isList = asset.members !== undefined
  const isRedirect = parameters.redirect === true
  if (isList && isRedirect) return ERRORS.invalid_input
  const urls: string[] = []
  for (const file of files) {
    const url = await urlOf(file, parameters, caller, services)
    if (typeof url !== 'string') return url
    urls.push(url)
  }
  return { urls, isList, isRedirect }
}

async function findAsset(
  catalogue: Catalogue,
  { file_id, object_key, pipeline_id }: Parameters,
): Promise<Asset | undefined> {
  return file_id === undefined
    ? catalogue.assetOf(object_key ?? '', pipeline_id ?? '')
    : catalogue.asset(file_id)
}

/** The asset, or what an archive holds. Undefined unless all of it can be downloaded. */
async function filesOf(catalogue: Catalogue, asset: Asset): Promise<Asset[] | undefined> {
  if (asset.status !== 'ready') return undefined
  if (!asset.members) return [asset]
  const files = await Promise.all(asset.members.map((id) => catalogue.asset(id)))
  const ready = files.filter((file) => file?.status === 'ready' && !file.members) as Asset[]
  return ready.length === files.length && files.length > 0 ? ready : undefined
}

async function urlOf(
  asset: Asset,
  parameters: Parameters,
  caller: Caller,
  services: DialectServices,
): Promise<string | ApiError> {
  const { expiry_time, multi_use } = parameters
  const now = secondsOf(services.clock)
  // a signed call is itself a link: called twice, it gives one link and not two
  const callId = caller.signed && digestText(`${caller.client.id}\n${caller.signed}\n${asset.id}`)
  // else a one-time call would be good again as soon as the use of its first link is forgotten
  const iat =
    callId !== undefined && multi_use === false
      ? await services.firstCalls.at(callId, now, expiry_time)
      : now
  const link = services.mint({
    asset,
    format: undefined,
    filename: asset.filename,
    expiresAt: expiry_time ?? iat + Math.min(DEFAULT_SECONDS, services.maxLinkSeconds),
    constraints: {
      jti: callId,
      iat,
      ip: parameters.ip,
      max_parallel_downloads: parameters.max_parallel_downloads,
      anti_fraud: parameters.anti_fraud,
      streaming: parameters.streaming,
      autograph_tag: parameters.autograph_tag,
      multi_use,
    },
  })
  if ('url' in link) return link.url
  const { field, message } = link
  if (field === 'autograph_tag') {
    return { ...ERRORS.untaggable, message: `${ERRORS.untaggable.message}: ${message}` }
  }
  if (field === 'expires_at' || Object.hasOwn(parametersSchema.shape, field)) {
    return ERRORS.invalid_input
  }
  throw new GatewayError('ERR_INTERNAL', `no link to ${asset.id} can be made: ${field}: ${message}`)
}
