import type { Anonymizer } from '../../base/network-facts.ts'
import { aws, azure, gcp } from './clouds.ts'
import { icloudRelay } from './icloud-relay.ts'
import type { ListFormat } from './list-format.ts'
import { netset } from './netset.ts'
import { spamhausDrop } from './spamhaus-drop.ts'
import { torExit } from './tor-exit.ts'

const FORMATS = [netset, spamhausDrop, torExit, icloudRelay, aws, gcp, azure] as const

/** The name of a format in which lists are published. */
export type ListFormatName = (typeof FORMATS)[number]['name']

/** Every format, by the name that the configuration gives it. */
export const LIST_FORMATS: readonly ListFormatName[] = FORMATS.map(({ name }) => name)

export function listFormat(name: ListFormatName): ListFormat {
  const format = FORMATS.find((one) => one.name === name)
  if (!format) throw new TypeError(`${name} is no list format`)
  return format
}

/** What those on a list of this format are; undefined when the format does not say it. */
export function anonymizerOf(name: ListFormatName): Anonymizer | undefined {
  return listFormat(name).anonymizer
}
