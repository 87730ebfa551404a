import { createHmac } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cliFolder } from '../support/cli-folder.ts'
import { ROOT } from '../support/sluice.ts'

const SECRET = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'

function vector(name: string, members: object = {}): object {
  const text = '/files/a.mp4?Expires=1800003600&KeyId=k1'
  const signature = createHmac('sha256', Buffer.from(SECRET, 'hex'))
    .update(text)
    .digest('base64url')
  return {
    name,
    format: 'sluice-hmac',
    keys: [{ id: 'k1', type: 'secret', encoding: 'hex', alg: 'HS256', value: SECRET }],
    method: 'GET',
    url: `${text}&Signature=${signature}`,
    clientIp: '192.0.2.1',
    now: 1_800_000_000,
    expect: 'allow',
    ...members,
  }
}

describe('sluice vectors', () => {
  const shipped = readdirSync(join(ROOT, 'test/vectors'))
    .filter((name) => name.startsWith('sluice-') && name.endsWith('.json'))
    .map((name) => join(ROOT, 'test/vectors', name))

  test('passes all that come with the checkout', async () => {
    expect(shipped.length).toBeGreaterThan(0)
    const { status, stdout, stderr } = await cliFolder().run(['vectors', ...shipped])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^[1-9]\d* passed, 0 failed\n$/)
  })

  test('counts over all its files and ends with exit 1 when one vector fails', async () => {
    const folder = cliFolder()
    folder.write('good.json', [vector('one'), vector('two')])
    folder.write('mixed.json', [vector('three'), vector('four', { expect: 'deny' })])
    const { status, stdout } = await folder.run(['vectors', 'good.json', 'mixed.json'])
    expect(status).toBe(1)
    expect(stdout).toBe('failed sluice-hmac four: expected deny, got allow\n3 passed, 1 failed\n')
  })

  test('holds a vector to the code that it names', async () => {
    const folder = cliFolder()
    const late = { now: 1_900_000_000, expect: 'deny' }
    folder.write('codes.json', [
      vector('right', { ...late, code: 'link_expired' }),
      vector('wrong', { ...late, code: 'link_used' }),
    ])
    const { status, stdout } = await folder.run(['vectors', 'codes.json'])
    expect(status).toBe(1)
    expect(stdout).toContain('wrong: expected link_used, got link_expired\n')
    expect(stdout).toMatch(/^1 passed, 1 failed\n$/m)
  })

  test.each([
    ['of a format that is not known', vector('x', { format: 'buny' })],
    ['without keys', vector('x', { keys: undefined })],
    ['with a key that is none', vector('x', { keys: [{ id: 'k1', type: 'jwk', value: {} }] })],
    ['that is no vector', 7],
  ])('a vector %s fails, and the others still count', async (_, broken) => {
    const folder = cliFolder()
    folder.write('mixed.json', [broken, vector('good')])
    const { status, stdout, stderr } = await folder.run(['vectors', 'mixed.json'])
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' })
    expect(stdout).toMatch(/^failed .+\n1 passed, 1 failed\n$/)
  })

  test.each([
    ['is not there', undefined],
    ['is no JSON', '[{'],
    ['is no list', '{}'],
  ])('a file that %s ends with exit 2 and its name', async (_, content) => {
    const folder = cliFolder()
    if (content !== undefined) folder.write('vectors.json', content)
    const { status, stdout, stderr } = await folder.run(['vectors', 'vectors.json'])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/^vectors\.json: \S/)
  })
})
