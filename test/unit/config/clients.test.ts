import { describe, expect, it } from 'vitest'
import { API_NAMES } from '../../../src/config/apis-schema.ts'
import { configFolder } from './config-folder.ts'

const SECRET = Buffer.from('0123456789abcdef').toString('base64')
const SHA256 = 'Ab'.repeat(32)

const ONE = { id: 'shop', secret: SECRET, scopes: ['xvid'] }

function folderWith(clients: unknown): ReturnType<typeof configFolder> {
  const text = typeof clients === 'string' ? clients : JSON.stringify(clients)
  return configFolder({ 'keys/clients.json': text })
}

/** The problems without their positions. */
function problemsOf(clients: unknown): string[] {
  return folderWith(clients)
    .problems()
    .map((text) => text.replace(/^\S+: /, ''))
}

describe('clients.json', () => {
  it('names clients by secret, by token or by both', () => {
    const list = [
      ONE,
      { id: 'app', tokenSha256: SHA256, scopes: ['*'] },
      { id: 'both', secret: SECRET, tokenSha256: SHA256, scopes: ['ibm', 'stream'] },
    ]
    const secret = Buffer.from('0123456789abcdef')
    const tokenSha256 = Buffer.from(SHA256, 'hex')
    expect(folderWith(list).load().clients).toEqual([
      { id: 'shop', secret, tokenSha256: undefined, scopes: ['xvid'] },
      { id: 'app', secret: undefined, tokenSha256, scopes: ['*'] },
      { id: 'both', secret, tokenSha256, scopes: ['ibm', 'stream'] },
    ])
  })

  it.each([{ scopes: [] }, {}])('may give a client no right at all: %j', (scopes) => {
    const loaded = folderWith([{ id: 'shop', secret: SECRET, ...scopes }]).load()
    expect(loaded).toMatchObject({ clients: [{ id: 'shop', scopes: [] }], problems: [] })
    expect(loaded.warnings.map(({ message }) => message)).toEqual([
      'has no scope: it may do nothing',
    ])
  })

  it('may be missing or empty: then there are no clients', () => {
    expect(configFolder().load()).toMatchObject({ clients: [], problems: [], warnings: [] })
    expect(folderWith([]).load()).toMatchObject({ clients: [], problems: [] })
  })

  it.each<[string, unknown, string]>([
    ['no list', {}, 'clients.json'],
    ['no id', [{ secret: SECRET, scopes: ['*'] }], '[0].id'],
    ['an id with a space', [{ ...ONE, id: 'a b' }], '[0].id'],
    ['an id that is too long', [{ ...ONE, id: 'x'.repeat(65) }], '[0].id'],
    ['an id twice', [ONE, { ...ONE, scopes: ['ibm'] }], '[1].id: the id shop is used twice'],
    ['neither secret nor token', [{ id: 'a', scopes: ['*'] }], '[0]: a client needs'],
    ['a secret that is no base64', [{ ...ONE, secret: 'p@ssword' }], '[0].secret: expected base64'],
    ['a secret in base64url', [{ ...ONE, secret: 'ab-_' }], '[0].secret: expected base64'],
    ['an empty secret', [{ ...ONE, secret: '' }], '[0].secret: must not be empty'],
    ['a token in plain text', [{ ...ONE, tokenSha256: 'token' }], '[0].tokenSha256: expected'],
    ['an unknown member', [{ ...ONE, token: 'x' }], '[0].token'],
    ['broken JSON', '[{', ''],
  ])('with %s is a problem, and no client counts', (_, clients, expected) => {
    const problems = problemsOf(clients)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(expected.replace('clients.json', ''))
    expect(folderWith(clients).load().config).toBeUndefined()
  })

  it('is never quoted in a problem', () => {
    const secret = 'not base64 but secret!'
    const tokenSha256 = 'a token where its hash belongs'
    const text = problemsOf([{ id: 'a', secret, tokenSha256, scopes: ['*'] }]).join('\n')
    expect(text).not.toBe('')
    expect(text).not.toContain(secret)
    expect(text).not.toContain(tokenSha256)
  })

  it('gives warnings for what is weak or means nothing, and works', () => {
    const list = [
      { id: 'a', secret: Buffer.from('short').toString('base64'), scopes: ['xvid'] },
      { id: 'b', secret: SECRET, scopes: ['elytorn', '*'] },
    ]
    const { clients, problems, warnings } = folderWith(list).load()
    expect(problems).toEqual([])
    expect(clients).toHaveLength(2)
    expect(warnings.map(({ message }) => message)).toEqual([
      'is shorter than 16 bytes',
      'no API here asks for the scope elytorn',
    ])
  })

  it('gives none for the scopes that APIs ask for', () => {
    const scopes = [...API_NAMES, 'mediahub_download_files', '*']
    expect(folderWith([{ ...ONE, scopes }]).load().warnings).toEqual([])
  })

  it('that others may read is a warning', () => {
    const folder = folderWith([ONE])
    folder.write('keys/clients.json', JSON.stringify([ONE]), 0o644)
    const { warnings } = folder.load()
    expect(warnings.map(({ message }) => message)).toEqual([
      'other users may read or change it (mode 644); use 600',
    ])
  })
})
