import type { Address } from '../base/address.ts'
import type { NetworkFacts } from '../base/network-facts.ts'
import type { PolicyConfig } from '../config/policy-schema.ts'
import type { Grant } from '../link/grant.ts'
import type { CanonicalPath } from '../request/canonical-path.ts'
import { headersOfDevice } from '../request/device.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { LoggedRequest } from './logged-request.ts'
import { ownAntiFraud } from './then.ts'

/**
 * The grant as far as its record tells. What only the link says (times, addresses, limits of its own) is
 * absent: requests that were refused for it are not judged anew.
 */
export function grantOf(request: LoggedRequest, policyThen: PolicyConfig | undefined): Grant {
  const { scheme, kid, id, subject } = request.link
  const antiFraud = ownAntiFraud(request.link, policyThen)
  return {
    scheme,
    key: { kid, alg: '', notBefore: undefined, retireAt: undefined },
    linkId: id,
    countKey: `${kid}/${id}`,
    resource: { kind: 'exact', path: request.path },
    validUntil: Infinity,
    constraints: {
      ...(subject !== undefined && { subject }),
      ...(antiFraud !== undefined && { anti_fraud: antiFraud }),
    },
  }
}

/** Country and AS number as they were then; data that did not know asks those of today. */
export function contextOf(
  request: LoggedRequest,
  factsOf: (address: Address) => NetworkFacts,
): RequestContext {
  const { client, path } = request
  const facts = factsOf(client)
  return {
    id: '',
    now: Math.floor(request.start / 1000),
    method: request.method,
    target: { rawPath: path, rawQuery: undefined },
    path: path as CanonicalPath,
    headers: headersOfDevice(request.device ?? 'none'),
    site: { scheme: 'https', host: '' },
    client,
    network: {
      ...facts,
      country: request.country ?? facts.country,
      asn: request.asn ?? facts.asn,
    },
  }
}
