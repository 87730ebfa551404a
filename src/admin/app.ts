import type { IncomingMessage, ServerResponse } from 'node:http'
import { Router } from '@koa/router'
import Koa, { type Context } from 'koa'
import { answering, settle } from './answer.ts'
import { admit } from './auth.ts'
import type { Declaration, Endpoint, Outcome } from './endpoint.ts'
import { problem, type Problem } from './problem.ts'
import { readInput } from './read-input.ts'
import { assetEndpoints } from './routes/assets.ts'
import { asksForDecision, decisionEndpoint, serveDecision } from './routes/decision.ts'
import { downloadEndpoints } from './routes/downloads.ts'
import { healthEndpoints } from './routes/health.ts'
import { keyEndpoints } from './routes/keys.ts'
import { linkEndpoints } from './routes/links.ts'
import { listEndpoints } from './routes/lists.ts'
import { notBuiltEndpoints } from './routes/not-built.ts'
import { apiDocumentEndpoint, openApiEndpoint } from './routes/openapi.ts'
import { recordEndpoints } from './routes/records.ts'
import { revocationEndpoints } from './routes/revocations.ts'
import { statsEndpoint } from './routes/stats.ts'
import type { AdminServices } from './services.ts'

/** Every endpoint of the admin API, in the order of the document. */
export function adminEndpoints(): readonly Declaration[] {
  return [...routedEndpoints(), decisionEndpoint]
}

function routedEndpoints(): readonly Endpoint[] {
  return [
    ...linkEndpoints,
    ...revocationEndpoints,
    ...downloadEndpoints,
    ...recordEndpoints,
    ...assetEndpoints,
    ...keyEndpoints,
    ...listEndpoints,
    statsEndpoint,
    ...healthEndpoints,
    openApiEndpoint(adminEndpoints),
    apiDocumentEndpoint,
    ...notBuiltEndpoints,
  ]
}

/** The admin API. It listens nowhere by itself. */
export function createAdminListener(
  services: AdminServices,
): (request: IncomingMessage, response: ServerResponse) => void {
  const serveApp = createApp(services).callback()
  return (request, response) => {
    // asked once for each request of a proxy: it goes past Koa, which costs as much as the decision
    if (asksForDecision(request.url)) serveDecision(services, request, response)
    else void serveApp(request, response)
  }
}

function createApp(services: AdminServices): Koa {
  const router = new Router({ sensitive: true })
  for (const endpoint of routedEndpoints()) {
    router.register(pathPattern(endpoint.path), [endpoint.method], async (ctx) => {
      settle(ctx, await serve(endpoint, ctx, ctx.params, services))
    })
  }
  const app = new Koa()
  app.use(answering(services, (ctx) => unrouted(ctx, router)))
  app.use(router.routes())
  app.on('error', () => {
    // `answering` reports what fails here; what Koa still sees are connections that clients broke
  })
  return app
}

/** Who asks comes before what is asked: a body is read only for those who may send one. */
async function serve(
  endpoint: Endpoint,
  ctx: Context,
  parameters: Readonly<Record<string, string>>,
  services: AdminServices,
): Promise<Outcome> {
  const admission = admit(endpoint.access, ctx.req.headers.authorization, services.tokens())
  if ('code' in admission) return admission
  const input = await readInput(endpoint, ctx)
  if ('code' in input) return input
  return endpoint.handle({ services, parameters, actor: admission.actor, ...input })
}

function unrouted(ctx: Context, router: Router): Problem {
  const methods = new Set(router.match(ctx.path, ctx.method).path.flatMap((layer) => layer.methods))
  if (methods.size === 0) return problem('not_found')
  return problem('method_not_allowed', { headers: { Allow: [...methods].sort().join(', ') } })
}

/** The template in the router's own writing. */
function pathPattern(path: string): string {
  return path.replace(/\{(\w+)(\*?)\}/g, (_, name: string, many: string) =>
    many === '' ? `:${name}` : `*${name}`,
  )
}
