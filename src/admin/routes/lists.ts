import type { z } from 'zod'
import { formatNetwork, type Network, parseNetwork } from '../../base/address.ts'
import { type EpochSeconds, secondsOf } from '../../base/clock.ts'
import { widthRefusal } from '../../lists/list-draft.ts'
import type { ListEntry } from '../../lists/list-entry.ts'
import type { ListState } from '../../lists/live-lists.ts'
import { endpoint } from '../endpoint.ts'
import { entries, entry, entryQuery, entryRequest, lists } from '../list-schema.ts'
import { invalid, problem, type Problem } from '../problem.ts'
import type { ListAdmin } from '../services.ts'

const listsEndpoint = endpoint({
  method: 'GET',
  path: '/v1/lists',
  access: ['lists'],
  summary: 'List the lists of networks',
  replies: { 200: { description: 'Those of the configuration in force', schema: lists } },
  handle({ services: { lists: admin } }) {
    const counts = admin.added.counts()
    const shown = admin.states().map((state) => presentedState(state, counts.get(state.name) ?? 0))
    return { status: 200, body: { lists: shown } }
  },
})

const readEndpoint = endpoint({
  method: 'GET',
  path: '/v1/lists/{name}',
  access: ['lists'],
  summary: 'List the entries that were added to a list',
  description: 'What its source gave is not shown.',
  query: entryQuery,
  replies: { 200: { description: 'Those in force, newest first', schema: entries } },
  problems: ['list_not_found'],
  handle({ services: { lists: admin }, parameters: { name }, query: { after, limit } }) {
    if (!isList(admin, name)) return problem('list_not_found')
    const page = admin.added.page(name, after, limit)
    const shown = page.entries.map(presented)
    return { status: 200, body: { entries: shown, next: page.next ?? null } }
  },
})

const putEndpoint = endpoint({
  method: 'PUT',
  path: '/v1/lists/{name}/{cidr*}',
  access: ['lists'],
  summary: 'Add a network to a list',
  description:
    'An address or a CIDR, its slash as it is or as %2F; host bits are cleared. It counts from the next request on.',
  body: entryRequest,
  replies: {
    200: { description: 'The entry, in the place of an earlier one', schema: entry },
    201: { description: 'The entry, new', schema: entry },
  },
  problems: ['list_not_found'],
  async handle({
    services: { lists: admin, audit, clock },
    actor,
    parameters: { name, cidr },
    body,
  }) {
    if (!isList(admin, name)) return problem('list_not_found')
    const network = networkOf(cidr)
    if ('code' in network) return network
    const now = secondsOf(clock)
    const expiresAt = endOf(body, now)
    if (expiresAt !== undefined && expiresAt <= now) {
      return invalid([{ field: 'expires_at', message: 'it is over already' }])
    }
    const isNew = !admin.added.find(name, network)
    const { note } = body
    const text = formatNetwork(network)
    const target = { list: name, cidr: text, note, expires_at: expiresAt }
    audit.append({ actor, action: 'list.add', target })
    const added = await admin.added.put({
      list: name,
      network,
      note,
      addedBy: actor,
      addedAt: now,
      expiresAt,
    })
    return { status: isNew ? 201 : 200, body: presented(added) }
  },
})

const removeEndpoint = endpoint({
  method: 'DELETE',
  path: '/v1/lists/{name}/{cidr*}',
  access: ['lists'],
  summary: 'Remove a network that was added to a list',
  replies: { 204: { description: 'The entry counts no more' } },
  problems: ['list_not_found', 'list_entry_not_found', 'invalid_request'],
  async handle({ services: { lists: admin, audit }, actor, parameters: { name, cidr } }) {
    if (!isList(admin, name)) return problem('list_not_found')
    const network = networkOf(cidr)
    if ('code' in network) return network
    if (!admin.added.find(name, network)) return unknownEntry(admin, name, network)
    const target = { list: name, cidr: formatNetwork(network) }
    audit.append({ actor, action: 'list.remove', target })
    await admin.added.remove(name, network)
    return { status: 204 }
  },
})

function isList(admin: ListAdmin, name: string): boolean {
  return admin.states().some((state) => state.name === name)
}

function networkOf(cidr: string): Network | Problem {
  const network = parseNetwork(cidr)
  if (!network) return invalid([{ field: 'cidr', message: 'expected an address or a CIDR' }])
  const tooWide = widthRefusal(network)
  return tooWide === undefined ? network : invalid([{ field: 'cidr', message: tooWide }])
}

function endOf(body: z.output<typeof entryRequest>, now: EpochSeconds): EpochSeconds | undefined {
  return body.expires_in === undefined ? body.expires_at : now + body.expires_in
}

/** Says where else an address that is to be let in may stand. */
function unknownEntry(admin: ListAdmin, name: string, { first }: Network): Problem {
  if (admin.added.of(name).has(first)) {
    return problem('list_entry_not_found', {
      detail: `${first.text} is in an entry of other width`,
    })
  }
  return problem('list_entry_not_found', {
    ...(admin.get(name)?.has(first) && {
      detail: `the source of the list holds ${first.text}; only a change there takes it off`,
    }),
  })
}

function presentedState(state: ListState, added: number): z.input<typeof lists>['lists'][number] {
  const { name, format, anonymizer, source, refreshed_at, error, has_data } = state
  return {
    name,
    format,
    anonymizer,
    source,
    entries: state.entries,
    added,
    refreshed_at: refreshed_at === null ? null : Math.floor(refreshed_at / 1000),
    error,
    has_data,
  }
}

function presented(found: ListEntry): z.input<typeof entry> {
  return {
    list: found.list,
    cidr: found.cidr,
    note: found.note ?? null,
    added_at: found.addedAt,
    added_by: found.addedBy,
    expires_at: found.expiresAt ?? null,
  }
}

export const listEndpoints = [listsEndpoint, readEndpoint, putEndpoint, removeEndpoint]
