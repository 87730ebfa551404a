import type { AccessRecord } from '../../src/record/access-record.ts'
import { accessRecord } from './access-record.ts'
import { NOW } from './request-parts.ts'

/** Members of a record, and when its request began, in seconds after `NOW`. */
export interface RecordParts extends Partial<Omit<AccessRecord, 'time'>> {
  readonly at?: number
}

/** A line of an access log: a download by a link, if the parts do not say otherwise. */
export function logLine({ at = 0, ...parts }: RecordParts = {}): string {
  const time = new Date((NOW + at) * 1000).toISOString()
  return JSON.stringify(accessRecord({ time, ...parts }))
}
