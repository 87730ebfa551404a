/** What of a source is wanted. */
export type Quality =
  | { readonly kind: 'best' }
  | { readonly kind: 'audio' }
  | { readonly kind: 'picture'; readonly maxHeight: number }

const LOWEST = 144
const HIGHEST = 4320

/** `best`, `audio`, or a height such as `720p`; undefined for anything else. */
export function parseQuality(text: string): Quality | undefined {
  if (text === 'best' || text === 'audio') return { kind: text }
  const maxHeight = Number(/^([1-9]\d{2,3})p$/.exec(text)?.[1])
  return maxHeight >= LOWEST && maxHeight <= HIGHEST ? { kind: 'picture', maxHeight } : undefined
}
