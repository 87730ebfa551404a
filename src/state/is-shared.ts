import type { LinkQuestion } from './link-state.ts'

/** Whether it takes what others count, too, to answer. */
export function isShared(question: LinkQuestion): boolean {
  const { place, uses, wantsFirstAddress, wantsDownload, sightings } = question
  const isLimited = place !== undefined && place.limits.length > 0
  return (
    isLimited || uses !== undefined || wantsFirstAddress || wantsDownload || sightings.length > 0
  )
}
