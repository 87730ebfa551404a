import type { Grant } from '../../src/link/grant.ts'
import { ABSENT, type Scheme, found } from '../../src/link/scheme.ts'
import { NOW } from './request-parts.ts'

/** What a link of `ClaimedLink` proves, beside the path it is asked for. */
export type Claims = Partial<Grant>

/** A format for tests: `?claim=NAME`, or `/!NAME/PATH`, opens any path with what the test says of NAME. */
export function claimedLinks(claims: Readonly<Record<string, Claims>>): Scheme {
  const segment = /^\/(files)\/!([^/]*)(?=\/)/
  return {
    name: 'claimed',
    triggers: [{ place: 'query', name: 'claim' }, { place: 'shape' }],
    expresses: new Set(),
    signsPrefixes: false,
    cutPath: (rawPath) => (segment.test(rawPath) ? rawPath.replace(segment, '/files') : undefined),
    find({ target }) {
      const inPath = segment.exec(target.rawPath)?.[2]
      if (inPath !== undefined) return found('path', inPath)
      const name = /(?:^|&)claim=([^&]*)/.exec(target.rawQuery ?? '')?.[1]
      return name === undefined ? ABSENT : found('query', name)
    },
    verify({ text }) {
      const claim = claims[text]
      if (!claim) {
        return {
          outcome: 'refused',
          refusal: { reason: 'link_signature_wrong', detail: 'unknown' },
        }
      }
      return {
        outcome: 'granted',
        grant: {
          scheme: 'claimed',
          key: { kid: 'k', alg: 'HS256', notBefore: undefined, retireAt: undefined },
          linkId: text,
          countKey: text,
          resource: { kind: 'pattern', text: '*', covers: () => true },
          validUntil: NOW + 3600,
          constraints: {},
          ...claim,
        },
      }
    },
    sign: () => ({ reason: 'link_constraint_unsupported', detail: 'path: tests make their own' }),
    canonicalText: ({ text }) => text,
  }
}
