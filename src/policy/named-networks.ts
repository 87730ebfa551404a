import type { Address } from '../base/address.ts'
import type { NamedNetworks } from './policy.ts'

/** Which of the lists holds the address, for a record. A list without data holds everyone: nobody can say. */
export function listing(client: Address, lists: readonly NamedNetworks[]): string | undefined {
  for (const { name, networks } of lists) {
    const set = networks()
    if (!set) return `${name} has no data yet`
    if (set.has(client)) return `${client.text} is on ${name}`
  }
  return undefined
}
