import { z } from 'zod'
import { secondsOf } from '../../base/clock.ts'
import { GatewayError } from '../../base/failure.ts'
import { type Asset, ASSET_ID, keptUntil, type Rendition } from '../../catalogue/catalogue.ts'
import { asset, assetId, assetRequest, assets } from '../asset-schema.ts'
import { assetErrors, type AssetRequest, givenRenditions } from '../check-asset.ts'
import { endpoint } from '../endpoint.ts'
import { digits } from '../named-schemas.ts'
import { type FieldError, invalid, problem } from '../problem.ts'
import type { AssetAdmin } from '../services.ts'

const putEndpoint = endpoint({
  method: 'PUT',
  path: '/v1/assets/{id}',
  access: ['assets'],
  summary: 'Add or replace an asset',
  description:
    'With another origin or object, everything that was made of the old one goes. Formats that were given before and are not named any longer go, too.',
  body: assetRequest,
  replies: {
    200: { description: 'The asset, replaced', schema: asset },
    201: {
      description: 'The asset, new',
      schema: asset,
      headers: { Location: 'Where the asset is read' },
    },
  },
  problems: ['origin_failed'],
  async handle({ services, actor, parameters: { id }, body }) {
    const { assets: admin, audit, clock } = services
    const checked = await check(admin, id, body)
    if (checked === 'unreachable') return problem('origin_failed')
    if (checked.length > 0) return invalid(checked)
    const before = await admin.catalogue.asset(id)
    const next = assetOf(id, body, before?.createdAt ?? secondsOf(clock))
    audit.append({ actor, action: 'asset.put', target: { id, ...body } })
    if (before) await dropOutdated(admin, before, next, body)
    await admin.catalogue.putAsset(next, givenOf(next, body, secondsOf(clock)))
    const shown = await presented(admin, next)
    return before
      ? { status: 200, body: shown }
      : { status: 201, body: shown, headers: { Location: `/v1/assets/${id}` } }
  },
})

const readEndpoint = endpoint({
  method: 'GET',
  path: '/v1/assets/{id}',
  access: ['assets', 'read'],
  summary: 'Read an asset',
  replies: { 200: { description: 'The asset', schema: asset } },
  problems: ['not_found'],
  async handle({ services: { assets: admin }, parameters: { id } }) {
    const found = await admin.catalogue.asset(id)
    return found ? { status: 200, body: await presented(admin, found) } : problem('not_found')
  },
})

const listEndpoint = endpoint({
  method: 'GET',
  path: '/v1/assets',
  access: ['assets', 'read'],
  summary: 'List assets',
  query: z.strictObject({
    after: assetId.optional().meta({ description: 'Those behind this id.' }),
    limit: digits(z.int().min(1).max(1000)).default(100),
  }),
  replies: { 200: { description: 'In the order of their ids', schema: assets } },
  async handle({ services: { assets: admin }, query: { after = '', limit } }) {
    const found = await admin.catalogue.assets(after, limit + 1)
    const page = found.slice(0, limit)
    const next = found.length > limit ? page.at(-1)?.id : undefined
    const shown = await Promise.all(page.map((each) => presented(admin, each)))
    return { status: 200, body: { assets: shown, next: next ?? null } }
  },
})

const removeEndpoint = endpoint({
  method: 'DELETE',
  path: '/v1/assets/{id}',
  access: ['assets'],
  summary: 'Remove an asset',
  description: 'With what was made of it. Its own object and formats that were given stay.',
  replies: { 204: { description: 'It is no longer in the catalogue' } },
  problems: ['not_found'],
  async handle({ services: { assets: admin, audit }, actor, parameters: { id } }) {
    const found = await admin.catalogue.asset(id)
    if (!found) return problem('not_found')
    const { filename, origin, object } = found
    audit.append({ actor, action: 'asset.remove', target: { id, filename, origin, object } })
    await admin.renditions?.forget(id)
    await admin.catalogue.removeAsset(id)
    return { status: 204 }
  },
})

/** An origin that does not answer says nothing about the request. */
async function check(
  admin: AssetAdmin,
  id: string,
  body: AssetRequest,
): Promise<readonly FieldError[] | 'unreachable'> {
  if (!ASSET_ID.test(id)) {
    return [{ field: 'id', message: 'expected 1 to 64 of the characters A-Z a-z 0-9 _ -' }]
  }
  try {
    return await assetErrors(admin, id, body)
  } catch (error) {
    if (error instanceof GatewayError && error.source === 'origin') return 'unreachable'
    throw error
  }
}

function assetOf(id: string, body: AssetRequest, createdAt: number): Asset {
  const { filename, origin = '', object = '', pipeline_id, require_signed, status, members } = body
  return {
    id,
    filename,
    origin,
    object,
    requireSigned: require_signed,
    status,
    createdAt,
    ...(pipeline_id !== undefined && { pipelineId: pipeline_id }),
    ...(members && { members }),
  }
}

function givenOf({ id, origin }: Asset, body: AssetRequest, now: number): Rendition[] {
  return givenRenditions(body).map(([format, object]) => ({
    assetId: id,
    format,
    status: 'ready',
    percent: 100,
    origin,
    object,
    isGiven: true,
    readyAt: now,
  }))
}

/** Removes what belongs to the asset as it was and not to what it becomes. */
async function dropOutdated(
  { catalogue, renditions }: AssetAdmin,
  before: Asset,
  next: Asset,
  body: AssetRequest,
): Promise<void> {
  const given = new Set(givenRenditions(body).map(([format]) => format))
  const there = await catalogue.renditions(before.id)
  const isOther = before.origin !== next.origin || before.object !== next.object
  // a given object takes the place of one that was made, which then belongs to nobody
  const isReplaced = there.some(({ format, isGiven }) => !isGiven && given.has(format))
  if (isOther || isReplaced) await renditions?.forget(before.id)
  for (const { format, isGiven } of there) {
    if (isOther || isReplaced || (isGiven && !given.has(format))) {
      await catalogue.removeRendition(before.id, format)
    }
  }
}

async function presented({ catalogue }: AssetAdmin, found: Asset): Promise<z.input<typeof asset>> {
  const { id, filename, origin, object, pipelineId, requireSigned, members } = found
  const renditions: z.input<typeof asset>['renditions'] = {}
  for (const rendition of await catalogue.renditions(id)) {
    const orders = await catalogue.orders(id, rendition.format)
    renditions[rendition.format] = {
      status: rendition.status,
      percent: rendition.percent,
      object: rendition.object,
      size: rendition.size ?? null,
      expires_at: keptUntil(rendition, orders) ?? null,
      ...(rendition.error !== undefined && { error: rendition.error }),
    }
  }
  return {
    id,
    filename,
    origin: members ? null : origin,
    object: members ? null : object,
    pipeline_id: pipelineId ?? null,
    require_signed: requireSigned,
    status: found.status,
    created_at: found.createdAt,
    renditions,
    ...(members && { members: [...members] }),
  }
}

export const assetEndpoints = [putEndpoint, listEndpoint, readEndpoint, removeEndpoint]
