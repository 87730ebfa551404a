import { createSecretKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bmffCarrier } from '../../src/tag/bmff-carrier.ts'
import type { TagCarrier } from '../../src/tag/carrier.ts'
import { pdfCarrier } from '../../src/tag/pdf-carrier.ts'
import { sealTag } from '../../src/tag/tag.ts'
import { zipCarrier } from '../../src/tag/zip-carrier.ts'
import { type CliFolder, cliFolder } from '../support/cli-folder.ts'
import { libraryFile, tagged } from '../support/taggable-files.ts'

const TAG = { linkId: 'order-7', subject: 'alice', text: 'copy 12', time: 1_800_000_000 }
const SECRET = Buffer.alloc(32, 7)

/** A folder with a key for tags. */
function folderWithKey(more: object = {}): CliFolder {
  const folder = cliFolder()
  const k = SECRET.toString('base64url')
  const key = { kty: 'oct', kid: 'tag-1', alg: 'HS256', k, schemes: ['sluice-tag'], ...more }
  folder.write('keys/tag-1.json', key)
  return folder
}

/** A tagged file in the folder, under a name that says nothing of its type. */
async function place(
  folder: CliFolder,
  carrier: TagCarrier = bmffCarrier,
  bytes = libraryFile('demo.mp4'),
): Promise<string> {
  const sealed = sealTag(TAG, { kid: 'tag-1', verifyKey: createSecretKey(SECRET) })
  const file = join(folder.directory, 'copy')
  writeFileSync(file, await tagged(carrier, bytes, sealed.toString()))
  return file
}

test.each([
  ['a film', bmffCarrier, 'demo.mp4'],
  ['a document', pdfCarrier, 'guide.pdf'],
  ['an archive', zipCarrier, 'bundle.zip'],
] as const)('the tag of %s is told with exit 0', async (_, carrier, name) => {
  const folder = folderWithKey()
  const file = await place(folder, carrier, libraryFile(name))
  const { status, stdout, stderr } = await folder.run(['trace', file])
  expect({ status, stdout, stderr }).toEqual({
    status: 0,
    stdout: [
      'link       order-7',
      'subject    alice',
      'tag        copy 12',
      'time       2027-01-15T08:00:00.000Z',
      'key        tag-1\n',
    ].join('\n'),
    stderr: '',
  })
})

test('--json prints the same as one value', async () => {
  const folder = folderWithKey()
  const { status, stdout } = await folder.run(['trace', await place(folder), '--json'])
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toEqual({
    outcome: 'tagged',
    detail: null,
    tag: {
      link_id: 'order-7',
      subject: 'alice',
      autograph_tag: 'copy 12',
      time: 1_800_000_000,
      kid: 'tag-1',
    },
  })
})

test('a tag outlives the key that sealed it', async () => {
  const folder = folderWithKey({ retireAt: 1 })
  expect((await folder.run(['trace', await place(folder)])).status).toBe(0)
})

test('a file without a tag says so with exit 1', async () => {
  const folder = folderWithKey()
  for (const [name, content] of [
    ['empty', ''],
    ['note.txt', 'SluiceTag1.'],
  ] as const) {
    const file = folder.write(name, content)
    expect(await folder.run(['trace', file])).toMatchObject({ status: 1, stdout: 'no tag\n' })
    const { status, stdout } = await folder.run(['trace', file, '--json'])
    expect(status).toBe(1)
    expect(JSON.parse(stdout)).toEqual({ outcome: 'untagged', detail: null, tag: null })
  }
})

test.each([
  ['of another secret', { k: Buffer.alloc(32, 8).toString('base64url') }, 'does not hold'],
  ['for links alone', { schemes: ['sluice-hmac'] }, 'there is no tag key tag-1'],
])('a tag whose key is one %s proves nothing: exit 1', async (_, key, why) => {
  const folder = folderWithKey(key)
  const { status, stdout } = await folder.run(['trace', await place(folder)])
  expect(status).toBe(1)
  expect(stdout).toMatch(/^a tag that proves nothing {2}/)
  expect(stdout).toContain(why)
  expect(stdout).not.toContain('order-7')
})

test.each([
  ['that is not there', 'nothing'],
  ['that is a directory', 'keys'],
])('a file %s ends with exit 2', async (_, name) => {
  const folder = folderWithKey()
  const { status, stdout, stderr } = await folder.run(['trace', name])
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toContain(`${name} cannot be read: `)
})
