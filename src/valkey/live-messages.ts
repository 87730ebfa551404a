import { z } from 'zod'
import type { RunningDownload } from '../state/live-view.ts'
import type { Revocation } from '../state/revocation-index.ts'

/** What one node wants of all others. */
export type Wish =
  | { readonly wants: 'list' }
  | { readonly wants: 'find'; readonly download: string }
  | { readonly wants: 'end'; readonly download: string; readonly detail: string }
  | { readonly wants: 'endRevoked'; readonly revocation: Revocation }

const id = z.string()

/** A question to all nodes. Its number is answered on the channel of the node that asks. */
export const askSchema = z.object({
  number: id,
  from: id,
  wish: z.discriminatedUnion('wants', [
    z.object({ wants: z.literal('list') }),
    z.object({ wants: z.literal('find'), download: id }),
    z.object({ wants: z.literal('end'), download: id, detail: z.string() }),
    z.object({
      wants: z.literal('endRevoked'),
      revocation: z.custom<Revocation>((value) => typeof value === 'object' && value !== null),
    }),
  ]),
})

/** One part of what one node answers. */
export const answerSchema = z.object({
  number: id,
  node: id,
  downloads: z.array(
    z.custom<RunningDownload>((value) => typeof value === 'object' && value !== null),
  ),
  omitted: z.int(),
  /** How many were cut. */
  ended: z.int(),
  isLast: z.boolean(),
})

export type Answer = z.output<typeof answerSchema>

/** Where a node hears answers to what it asked. */
export function nodeChannel(prefix: string, node: string): string {
  return `${prefix}node:${node}`
}
