import { EmbeddedLeaseStore } from '../../../src/lease/embedded-lease-store.ts'
import { leaseStoreContract } from '../../contract/lease-store-contract.ts'

leaseStoreContract('EmbeddedLeaseStore', () => new EmbeddedLeaseStore())
