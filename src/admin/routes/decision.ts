import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendProblem } from '../answer.ts'
import { type Access, admit } from '../auth.ts'
import type { Declaration } from '../endpoint.ts'
import type { AdminServices } from '../services.ts'

/** Where proxies ask, and the route of the records of what was decided. */
export const DECISION_PATH = '/v1/decision'
const ACCESS: Access = ['read']

/** Forward authentication: proxies ask before they answer by themselves. */
export const decisionEndpoint: Declaration = {
  method: 'GET',
  path: DECISION_PATH,
  access: ACCESS,
  summary: 'Say whether a proxy may answer a request (nginx, Traefik, Caddy, HAProxy, Envoy)',
  description:
    'The original request is in X-Original-URI and X-Original-Method, or in X-Forwarded-Uri and ' +
    'X-Forwarded-Method, GET where there is no method; Envoy writes its path behind this one and keeps its ' +
    'method. The client is in X-Forwarded-For, else in X-Real-IP, for Envoy in X-Envoy-External-Address. The token may come in X-Sluice-Token: ' +
    "Authorization is then the client's own. 401 without a link, 403 for any other refusal, with the " +
    'code of the refusal in X-Sluice-Reason.',
  replies: {
    200: { description: 'Permitted, as Envoy wants to hear it' },
    204: {
      description: 'Permitted',
      headers: {
        'X-Sluice-Link-Id': 'The link, as records name it.',
        'X-Sluice-Kid': 'The key that signed it.',
        'X-Sluice-Path': 'The path of the object, percent-encoded, without a token.',
        'X-Sluice-Subject': 'Who the link was made for, if it says.',
        'X-Sluice-Expires': 'Its end in epoch seconds, if it has one.',
        'X-Sluice-Rate': 'Bytes a second that the proxy should keep to, if there is a limit.',
      },
    },
  },
}

/** Whether a target is that of a request for a decision: Envoy writes a path behind it. */
export function asksForDecision(url = ''): boolean {
  if (!url.startsWith(DECISION_PATH)) return false
  const next = url.charAt(DECISION_PATH.length)
  return next === '' || next === '/' || next === '?'
}

/** Who shows the token of a proxy is believed about the client: it is looked at before all else. */
export function serveDecision(
  { tokens, decisions }: AdminServices,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { authorization, 'x-sluice-token': token } = request.headers
  const isCallersAuthorization = token === undefined
  const shown = isCallersAuthorization ? authorization : `Bearer ${String(token)}`
  const admission = admit(ACCESS, shown, tokens())
  if ('code' in admission) sendProblem(response, admission)
  else decisions.handle(request, response, { isCallersAuthorization })
}
