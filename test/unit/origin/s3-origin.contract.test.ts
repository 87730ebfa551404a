import { afterAll, beforeAll } from 'vitest'
import { S3Origin } from '../../../src/origin/s3-origin.ts'
import { CONTRACT_OBJECTS, originContract } from '../../contract/origin-contract.ts'
import { until } from '../../support/open-files.ts'
import { S3Store, STORE_KEY, STORE_REGION } from '../../support/s3-store.ts'

let store: S3Store

beforeAll(async () => {
  store = await S3Store.start()
  await store.put(CONTRACT_OBJECTS)
  await store.put([...CONTRACT_OBJECTS].map(([name, bytes]) => [`a +b/${name}`, bytes] as const))
}, 60_000)

afterAll(() => store.stop())

function s3Contract(name: string, prefix: string): void {
  originContract(name, async () => {
    const origin = new S3Origin({
      endpoint: store.url,
      region: STORE_REGION,
      bucket: 'media',
      prefix,
      credentials: STORE_KEY,
      timeoutSeconds: 5,
    })
    return {
      origin,
      allReturned: () => until(() => origin.connectionsInUse === 0),
      dispose: async () => {
        origin.close()
      },
    }
  })
}

s3Contract('S3Origin', '')
s3Contract('S3Origin below a prefix', 'a +b/')
