import { describe, expect, it } from 'vitest'
import { policySchema } from '../../../src/config/policy-schema.ts'
import { checkUses, downloadKey } from '../../../src/http/admission.ts'
import type { Grant } from '../../../src/link/grant.ts'
import { compilePolicy } from '../../../src/policy/compile-policy.ts'
import { NO_SOURCES } from '../../../src/policy/policy.ts'
import type { RequestContext } from '../../../src/request/request-context.ts'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { DownloadLedger } from '../../../src/state/download-ledger.ts'

const SIZE = 10_000
const OBJECT = { etag: '"v1"', size: SIZE }
const POLICY = compilePolicy('p', policySchema.parse({ uses: { max: 1 } }), NO_SOURCES)
const GRANT = { countKey: 'k/1', constraints: {} } as Grant
const CONTEXT = { path: '/files/a', method: 'GET', client: undefined } as unknown as RequestContext

describe('a download whose use is spent', () => {
  const ledger = new DownloadLedger(openMemoryDatabase())
  const download = ledger.begin({
    key: downloadKey(GRANT, CONTEXT),
    ...OBJECT,
    now: 0,
    expires: 100,
    uses: { max: 1, coverage: POLICY.uses.coverage },
    mayResume: false,
  })
  download.count(0, 9900)
  const session = {
    known: ledger.find(downloadKey(GRANT, CONTEXT)),
    spent: ledger.spent(GRANT.countKey),
    reserved: 0,
  }
  const asks = (start: number, end: number): string | undefined =>
    checkUses(session, GRANT, CONTEXT, POLICY, OBJECT, [{ start, end }])?.reason

  it('may fetch what it lacks, with an overlap of exactly the rest that coverage leaves out', () => {
    expect(asks(9900, SIZE)).toBeUndefined()
    expect(asks(8900, SIZE)).toBeUndefined()
  })

  it('may not fetch a byte more again, nor bytes that it has alone', () => {
    expect(asks(8899, SIZE)).toBe('link_used')
    expect(asks(9000, 9900)).toBe('link_used')
    expect(asks(0, SIZE)).toBe('link_used')
  })
})
