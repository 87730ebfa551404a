import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  barrels,
  cycles,
  importsOf,
  type LayerTable,
  readSources,
  tableCycles,
  violations,
} from './support/imports.ts'

/** Who may import whom. Data flows request, link, policy, lease, origin, delivery, record. */
const TABLE: LayerTable = {
  base: { folders: [], packages: ['ip-num'] },
  request: { folders: ['base'] },
  lease: { folders: ['base'] },
  state: {
    folders: ['base', 'lease'],
    types: ['lists', 'record'],
    packages: ['lru-cache', { name: 'hyperlolo', only: 'state/sharing-sketches.ts' }],
  },
  valkey: {
    folders: ['base', 'catalogue', 'lease', 'rendition', 'state', 'task'],
    types: ['lists'],
    packages: ['ioredis', 'zod'],
  },
  offload: { folders: ['base'] },
  workers: {
    folders: ['base', 'http', 'lease', 'lists', 'state'],
    types: ['offload', 'record'],
  },
  origin: {
    folders: ['base'],
    packages: [
      'mime-types',
      { name: 'aws4', only: 'origin/s3/s3-signer.ts' },
      { name: '@aws-sdk/credential-provider-node', only: 'origin/s3/s3-credentials.ts' },
    ],
  },
  'kernel-copy': { folders: ['base'] },
  tag: { folders: ['base'], types: ['origin'], packages: ['lru-cache'] },
  openapi: { folders: [], packages: ['zod'] },
  record: { folders: ['base'], packages: ['pino', 'prom-client'] },
  lists: { folders: ['base'] },
  geo: { folders: ['base'], packages: ['lru-cache', 'maxmind'] },
  config: {
    folders: ['base', 'geo', 'link', 'lists'],
    types: ['request'],
    packages: ['zod', 'yaml'],
  },
  link: {
    folders: ['base', 'request'],
    packages: [
      'lru-cache',
      'zod',
      { name: 'jsonwebtoken', only: 'link/schemes/jws.ts' },
      { name: 're2js', only: 'link/schemes/pattern.ts' },
    ],
  },
  jwks: { folders: ['base', 'config', 'link'], packages: ['zod'] },
  catalogue: { folders: ['base', 'state'], types: ['origin'] },
  rendition: { folders: ['base', 'catalogue', 'origin'] },
  task: {
    folders: ['base', 'catalogue', 'rendition', 'origin', 'state'],
    packages: ['mime-types'],
  },
  policy: {
    folders: ['base', 'request', 'link'],
    types: ['config'],
    packages: [{ name: 'country-locale-map', only: 'policy/sharing/centroids.ts' }],
  },
  delivery: {
    folders: ['base'],
    types: ['origin'],
    packages: ['mime-types'],
  },
  http: {
    folders: [
      'base',
      'request',
      'kernel-copy',
      'link',
      'policy',
      'lease',
      'origin',
      'delivery',
      'offload',
      'record',
      'state',
      'tag',
    ],
    types: ['geo'],
  },
  operator: {
    folders: ['base', 'config', 'request', 'link', 'policy', 'delivery', 'http', 'tag'],
    types: ['geo', 'origin'],
  },
  admin: {
    folders: [
      'base',
      'catalogue',
      'config',
      'request',
      'link',
      'lists',
      'lease',
      'openapi',
      'origin',
      'state',
      'record',
      'operator',
    ],
    types: ['http', 'rendition'],
    packages: ['koa', '@koa/router', '@koa/bodyparser', 'zod'],
  },
  dialect: {
    folders: [
      'base',
      'catalogue',
      'config',
      'link',
      'openapi',
      'operator',
      'rendition',
      'request',
      'task',
    ],
    types: ['http', 'origin'],
    packages: ['zod'],
  },
  backtest: {
    folders: ['base', 'http', 'lease', 'link', 'policy', 'request', 'state'],
    types: ['config'],
    packages: ['zod'],
  },
  gateway: { folders: ['*'] },
  cli: { folders: ['*'], packages: ['commander'] },
  'main.ts': { folders: ['cli'] },
  'index.ts': { folders: ['*'] },
}

const SOURCES = readSources(join(import.meta.dirname, '../src'))

describe('the sources', () => {
  test('import only what their layer may', () => {
    expect(SOURCES.size).toBeGreaterThan(50)
    expect(violations(SOURCES, TABLE)).toEqual([])
  })

  test('hold no ring of imports', () => {
    expect(cycles(SOURCES)).toEqual([])
  })

  test('have no barrel but src/index.ts', () => {
    expect(barrels(SOURCES, 'index.ts')).toEqual([])
  })

  test('the table itself allows no ring of folders', () => {
    expect(tableCycles(TABLE)).toEqual([])
  })
})

describe('the check', () => {
  const planted = (file: string, text: string): string[] =>
    violations(new Map([[file, text]]), TABLE)

  test.each([
    ['a lower layer that imports a higher one', 'base/x.ts', `import { a } from '../link/a.ts'`],
    ['types of a higher one', 'link/x.ts', `import type { A } from '../policy/a.ts'`],
    ['an import over several lines', 'lease/x.ts', `import {\n  a,\n  b,\n} from '../state/a.ts'`],
    ['a re-export', 'request/x.ts', `export * from '../config/a.ts'`],
    ['an import for its effect', 'record/x.ts', `import '../http/a.ts'`],
    ['a dynamic import', 'policy/x.ts', `const a = await import('../gateway/a.ts')`],
    ['an import from a deep folder', 'link/schemes/x.ts', `import { a } from '../../http/a.ts'`],
    ['a package of another layer', 'http/x.ts', `import Koa from 'koa'`],
    ['a package outside its one file', 'link/x.ts', `import jwt from 'jsonwebtoken'`],
    ['a part of a package', 'base/x.ts', `import { z } from 'zod/mini'`],
    [
      'a value where types are allowed',
      'delivery/x.ts',
      `import { A, type B } from '../origin/a.ts'`,
    ],
    ['a folder that is not in the table', 'utils/x.ts', `import { a } from '../base/a.ts'`],
    ['a path out of the sources', 'cli/x.ts', `import a from '../../package.json'`],
    ['a barrel', 'cli/x.ts', `import { a } from '../link/index.ts'`],
    ['a Node module without node:', 'base/x.ts', `import { join } from 'path'`],
  ])('finds %s', (_, file, text) => {
    expect(planted(file, text)).toHaveLength(1)
  })

  test.each([
    ['an import within the folder', 'base/x.ts', `import { a } from './a.ts'`],
    ['a module of Node', 'base/x.ts', `import { join } from 'node:path'`],
    ['types where types are allowed', 'delivery/x.ts', `import type { A } from '../origin/a.ts'`],
    ['types one by one', 'delivery/x.ts', `import { type A, type B } from '../origin/a.ts'`],
    ['a package of the layer', 'link/schemes/jws.ts', `import jwt from 'jsonwebtoken'`],
    ['an import in a comment', 'base/x.ts', ` * import { a } from '../link/a.ts'`],
  ])('lets %s be', (_, file, text) => {
    expect(planted(file, text)).toEqual([])
  })

  test('says where and why', () => {
    const text = `import { b } from './b.ts'\nimport { a } from '../link/a.ts'\n`
    expect(planted('base/x.ts', text)).toEqual([
      'base/x.ts:2: base may not import link: ../link/a.ts',
    ])
  })

  test('finds every import of a file that has many', () => {
    const text = `import a, { b } from './b.ts'\nimport * as c from 'node:fs'\nexport { d } from "./d.ts"\n`
    expect(importsOf('base/x.ts', text).map(({ specifier }) => specifier)).toEqual([
      './b.ts',
      'node:fs',
      './d.ts',
    ])
  })

  test('finds a ring of three files', () => {
    const ring = new Map([
      ['base/a.ts', `import { b } from './b.ts'`],
      ['base/b.ts', `import type { c } from './c.ts'`],
      ['base/c.ts', `export { a } from './a.ts'`],
    ])
    expect(cycles(ring)).toEqual(['base/a.ts -> base/b.ts -> base/c.ts -> base/a.ts'])
  })

  test('finds a file that only passes others on, whatever its name', () => {
    const text = `/** All of it. */\nexport * from './a.ts'\nexport { b } from './b.ts'\n`
    expect(barrels(new Map([['base/all.ts', text]]), 'index.ts')).toEqual(['base/all.ts'])
  })
})
