import { z } from 'zod'
import { digestText } from '../../base/bytes.ts'
import { type EpochSeconds, secondsOf } from '../../base/clock.ts'
import { type MintedLink, mintLink, type MintRequest } from '../../operator/mint-link.ts'
import type { KeptAnswer } from '../../state/idempotency.ts'
import { type Answer, endpoint, type Outcome } from '../endpoint.ts'
import { linkRequests, mintedLinks } from '../link-schema.ts'
import { type FieldError, invalid, problem } from '../problem.ts'
import type { AdminServices } from '../services.ts'
import { inspectEndpoint } from './inspection.ts'
import { reportEndpoint } from './link-report.ts'

const mintEndpoint = endpoint({
  method: 'POST',
  path: '/v1/links',
  access: ['links'],
  summary: 'Mint one link, or up to 1000',
  description: 'Of an array all links are minted or none.',
  headers: z.object({
    'Idempotency-Key': z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/, { error: 'expected 1 to 255 visible ASCII characters' })
      .optional()
      .meta({
        description: 'A repeat with the same key and body within a day gets the same links.',
      }),
  }),
  body: linkRequests,
  replies: {
    201: {
      description: 'The link, or as many as were asked for, in order',
      schema: mintedLinks,
      headers: { 'Idempotency-Replayed': '`true` when an earlier answer is given again' },
    },
  },
  problems: ['idempotency_key_reused'],
  handle({ services, actor, body, headers }) {
    const key = headers['Idempotency-Key']
    const mint = (): Outcome => mintAll(services, actor, body)
    return key === undefined ? mint() : once(services, `${actor} ${key}`, body, mint)
  },
})

/** Gives the kept answer or makes and keeps one: of two requests with one key both get the first's. */
async function once(
  { idempotency, clock }: AdminServices,
  key: string,
  body: unknown,
  make: () => Outcome,
): Promise<Outcome> {
  const now = secondsOf(clock)
  const request = digestText(JSON.stringify(body))
  const kept = await idempotency.find(key, request, now)
  if (kept) return replayed(kept)
  const made = make()
  if ('code' in made) return made
  const answer = { status: made.status, body: JSON.stringify(made.body) }
  const holds = await idempotency.keep(key, request, answer, now)
  return holds === answer ? made : replayed(holds)
}

function replayed(kept: KeptAnswer | 'mismatch'): Outcome {
  if (kept === 'mismatch') return problem('idempotency_key_reused')
  const headers = { 'Idempotency-Replayed': 'true' }
  return { status: 201, body: JSON.parse(kept.body) as unknown, headers }
}

function mintAll(
  services: AdminServices,
  actor: string,
  body: MintRequest | readonly MintRequest[],
): Outcome {
  const isBatch = isList(body)
  const requests = isBatch ? body : [body]
  const desk = services.desk()
  const links: MintedLink[] = []
  const errors: FieldError[] = []
  for (const [i, request] of requests.entries()) {
    const made = mintLink(desk, request, 'json')
    if ('url' in made) links.push(made)
    else errors.push({ ...made, field: isBatch ? `[${i}].${made.field}` : made.field })
  }
  if (errors.length > 0) return invalid(errors)
  const answer = (minted: unknown): Answer => ({ status: 201, body: minted })
  const [first] = links
  if (isBatch || !first) {
    const target = { count: links.length, links: links.map((link, i) => shown(link, requests[i])) }
    services.audit.append({ actor, action: 'link.mint', target })
    return answer(links)
  }
  services.audit.append({ actor, action: 'link.mint', target: shown(first, requests[0]) })
  return answer(first)
}

function isList(body: MintRequest | readonly MintRequest[]): body is readonly MintRequest[] {
  return Array.isArray(body)
}

/** What the audit log keeps of a link: not the URL, which opens the file. */
function shown(
  { id, scheme, kid, expires_at }: MintedLink,
  request: MintRequest | undefined,
): { link_id: string; path?: string; scheme: string; kid: string; expires_at: EpochSeconds } {
  return { link_id: id, ...(request && { path: request.path }), scheme, kid, expires_at }
}

export const linkEndpoints = [mintEndpoint, inspectEndpoint, reportEndpoint]
