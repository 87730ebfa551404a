import type { ListDraft } from '../list-draft.ts'
import { type JsonList, memberOf, readJsonList } from './json-values.ts'
import type { ListFormat } from './list-format.ts'

/** Amazon's ip-ranges.json. */
export const aws: ListFormat<'aws'> = {
  name: 'aws',
  anonymizer: 'hosting',
  parse: (draft) => {
    readPrefixes(draft, 'syncToken', (list) => {
      for (const prefix of membersOf(list, 'prefixes')) list.add(memberOf(prefix, 'ip_prefix'))
      for (const prefix of membersOf(list, 'ipv6_prefixes'))
        list.add(memberOf(prefix, 'ipv6_prefix'))
    })
  },
}

/** Google's cloud.json and goog.json. */
export const gcp: ListFormat<'gcp'> = {
  name: 'gcp',
  anonymizer: 'hosting',
  parse: (draft) => {
    readPrefixes(draft, 'syncToken', (list) => {
      for (const prefix of membersOf(list, 'prefixes')) {
        list.add(memberOf(prefix, 'ipv4Prefix') ?? memberOf(prefix, 'ipv6Prefix'))
      }
    })
  },
}

/** Microsoft's ServiceTags files. Tags overlap: a region's prefixes are those of its services too. */
export const azure: ListFormat<'azure'> = {
  name: 'azure',
  anonymizer: 'hosting',
  parse: (draft) => {
    readPrefixes(draft, 'changeNumber', (list) => {
      for (const tag of membersOf(list, 'values')) {
        const prefixes = memberOf(memberOf(tag, 'properties'), 'addressPrefixes')
        if (Array.isArray(prefixes)) for (const prefix of prefixes as unknown[]) list.add(prefix)
        else list.refuse('expected addressPrefixes in the properties of every value')
      }
    })
  },
}

/** `version` is the member that tells the publisher's document from any other JSON. */
function readPrefixes(draft: ListDraft, version: string, read: (list: JsonList) => void): void {
  const list = readJsonList(draft)
  if (!list) return
  if (memberOf(list.data, version) === undefined) list.refuse(`expected an object with ${version}`)
  else read(list)
}

function membersOf(list: JsonList, name: string): readonly unknown[] {
  const members = memberOf(list.data, name)
  if (Array.isArray(members)) return members
  list.refuse(`expected ${name} to be an array`)
  return []
}
