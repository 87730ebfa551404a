import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FAILURES } from '../../src/base/failure.ts'
import { REASONS } from '../../src/base/refusal.ts'
import { policySchema } from '../../src/config/policy-schema.ts'
import { CONSTRAINT_NAMES } from '../../src/link/constraints.ts'
import { ROOT } from '../support/sluice.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'
import {
  codesOf,
  fencesOf,
  type Page,
  proseOf,
  readPage,
  readPages,
  rowsBelow,
} from './markdown.ts'

const REFUSALS = readPage('docs/refusals.md')

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8'))
}

/** The first three cells of each row: names without backquotes. */
function factsOf(page: Page, heading: string): (string | number)[][] {
  return rowsBelow(page, heading).map(([name = '', status = '', code = '']) => [
    codesOf(name)[0] ?? '',
    Number(status),
    codesOf(code)[0] ?? '',
  ])
}

describe('docs/refusals.md', () => {
  test('lists every reason with its status and code, in the order of the source', () => {
    const expected = Object.entries(REASONS).map(([reason, { status, code }]) => [
      reason,
      status,
      code,
    ])
    expect(factsOf(REFUSALS, '## Refusals')).toEqual(expected)
  })

  test('lists every failure with its status and code, in the order of the source', () => {
    const expected = Object.entries(FAILURES).map(([name, { status, code }]) => [
      name,
      status,
      code,
    ])
    expect(factsOf(REFUSALS, '## Failures')).toEqual(expected)
  })
})

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
  readonly oneOf?: readonly JsonSchema[]
  readonly anyOf?: readonly JsonSchema[]
}

/** Every setting of a schema in the writing of the pages: `server.port`, `lists.NAME.file`, `routes[].path`. */
function* settingsOf(schema: JsonSchema, path: string): Generator<string> {
  let isLeaf = true
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    isLeaf = false
    yield* settingsOf(inner, path === '' ? name : `${path}.${name}`)
  }
  const { additionalProperties: named } = schema
  if (typeof named === 'object' && path !== '' && (named.properties ?? named.oneOf)) {
    isLeaf = false
    yield* settingsOf(named, `${path}.NAME`)
  }
  if (schema.items?.properties) {
    isLeaf = false
    yield* settingsOf(schema.items, `${path}[]`)
  }
  for (const choice of [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]) {
    if (!choice.properties || path.endsWith('[]') || path === 'routes[].schemes') continue
    isLeaf = false
    yield* settingsOf(choice, path)
  }
  if (isLeaf) yield path
}

describe('the settings', () => {
  const mentioned = new Set(
    ['docs/config.md', 'docs/policies.md'].flatMap((path) => codesOf(proseOf(readPage(path)))),
  )

  test('of the gateway are all in docs/config.md', () => {
    const settings = [...settingsOf(readJson('config/gateway.schema.json') as JsonSchema, '')]
    expect(settings.length).toBeGreaterThan(30)
    expect(settings).toContain('origins.NAME.timeoutSeconds')
    // a record of everything stands for the names in it
    const covers = (setting: string): boolean =>
      mentioned.has(setting) || (setting.startsWith('records.') && mentioned.has('records.*'))
    expect([...new Set(settings)].filter((setting) => !covers(setting))).toEqual([])
  })

  test('of a policy are all in docs/policies.md', () => {
    const settings = [...settingsOf(readJson('config/policy.schema.json') as JsonSchema, '')]
    expect(settings.length).toBeGreaterThan(30)
    const covers = (setting: string): boolean => {
      const [section = ''] = setting.split('.')
      return mentioned.has(setting.endsWith('.enforcement') ? section : setting)
    }
    // a rate refuses nobody, so it has no enforcement
    const open = settings.filter((setting) => setting !== 'rate.enforcement' && !covers(setting))
    expect(open).toEqual([])
  })

  test('of the pages are ones of the schemas', () => {
    const known = new Set([
      ...settingsOf(readJson('config/gateway.schema.json') as JsonSchema, ''),
      ...settingsOf(readJson('config/policy.schema.json') as JsonSchema, ''),
    ])
    const rows = [
      ...rowsBelow(readPage('docs/config.md'), '# Configuration'),
      ...rowsBelow(readPage('docs/policies.md'), '# Policies'),
    ]
    const sections = new Set([...known].map((setting) => setting.split('.')[0]))
    const named = rows.flatMap(([names]) => codesOf(names)).filter((name) => /^[a-z]/.test(name))
    expect(named.length).toBeGreaterThan(50)
    expect(named.filter((name) => !known.has(name) && !sections.has(name))).toEqual([])
  })
})

test('the examples of docs/policies.md are policies', () => {
  const examples = fencesOf(readPage('docs/policies.md')).filter(
    ({ language }) => language === 'yaml',
  )
  expect(examples).not.toEqual([])
  for (const { body } of examples) {
    expect(policySchema.safeParse(parse(body))).toMatchObject({ success: true })
  }
})

test('docs/links.md names every constraint', () => {
  const names = rowsBelow(readPage('docs/links.md'), '## What a link can say').flatMap(([cell]) =>
    codesOf(cell),
  )
  expect(names.toSorted()).toEqual([...CONSTRAINT_NAMES, 'Expires', 'exp'].toSorted())
})

test('docs/dependencies.md lists every package with the licence that it states', () => {
  const { dependencies, devDependencies } = readJson('package.json') as Record<string, object>
  const page = readPage('docs/dependencies.md')
  const stated = (packages: object = {}): string[][] =>
    Object.keys(packages)
      .toSorted()
      .map((name) => {
        const { license } = readJson(`node_modules/${name}/package.json`) as { license: string }
        return [name, license]
      })
  const listed = (heading: string): string[][] =>
    rowsBelow(page, heading).map(([name = '', licence = '']) => [codesOf(name)[0] ?? '', licence])
  expect(listed('## At run time')).toEqual(stated(dependencies))
  expect(listed('## For development')).toEqual(stated(devDependencies))
})

describe('what a gateway shows', () => {
  let gateway: TestGateway

  beforeAll(async () => {
    gateway = await startTestGateway({ files: { 'a.txt': 'abc' } })
  })

  afterAll(async () => {
    await gateway.close()
  })

  test('is described: every field of a record in docs/records.md', async () => {
    await fetch(gateway.url + gateway.sign('/files/a.txt'))
    const [record] = await gateway.records(1)
    const fields = rowsBelow(readPage('docs/records.md'), '# Records').flatMap(([cell]) =>
      codesOf(cell),
    )
    expect(fields).toEqual(Object.keys(record ?? {}))
  })

  test('is described: every metric of ours with its labels in docs/metrics.md', async () => {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
    const ours = [...text.matchAll(/^# TYPE (sluice_\w+) (\w+)$/gm)].map(([, name, type]) => [
      name,
      type,
    ])
    const rows = rowsBelow(readPage('docs/metrics.md'), '# Metrics')
    expect(rows.map(([name, type]) => [codesOf(name)[0], type])).toEqual(ours)
    for (const [name, , labels] of rows) {
      const sample = new RegExp(`^${codesOf(name)[0]}\\{([^}]*)\\}`, 'm').exec(text)?.[1]
      if (sample === undefined) continue
      const shown = [...sample.matchAll(/(\w+)="/g)].map(([, label]) => label)
      expect(shown.filter((label) => label !== 'le')).toEqual(codesOf(labels))
    }
  })

  test('is described: every endpoint of the admin API in docs/admin-api.md', async () => {
    const { paths } = (await (await fetch(`${gateway.adminUrl}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, unknown>>
    }
    const page = readPage('docs/admin-api.md').text
    const missing = Object.keys(paths).filter((path) => {
      // the second of two rows in one cell is shortened: `GET …/{id}`
      const short = path.replace(/^.*(?=\/\{id\}$)/, '…')
      return !page.includes(`${path}\``) && !page.includes(`${short}\``)
    })
    expect(missing).toEqual([])
  })
})

describe('the pages', () => {
  const pages = readPages()

  test('lead nowhere that is not there', () => {
    const broken = pages.flatMap((page) =>
      [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !/^https?:/.test(target) && !leads(page, target))
        .map((target) => `${page.path}: ${target}`),
    )
    expect(broken).toEqual([])
  })

  test('name only files that are there', () => {
    const named = [
      ...pages
        .map(proseOf)
        .join('\n')
        .matchAll(/`((?:src|test|config|examples)\/[\w./-]*)`/g),
    ]
    expect(named.length).toBeGreaterThan(20)
    const missing = named
      .map(([, path = '']) => path)
      .filter((path) => !existsSync(join(ROOT, path)))
    expect(missing).toEqual([])
  })

  test('are all reached from the README', () => {
    const reached = new Set(['README.md'])
    for (const path of reached) {
      if (!path.endsWith('.md') || !existsSync(join(ROOT, path))) continue
      for (const [, target = ''] of proseOf(readPage(path)).matchAll(/\]\(([^)#\s:]+)/g)) {
        reached.add(join(dirname(path), target))
      }
    }
    const lone = pages.map(({ path }) => path).filter((path) => !reached.has(path))
    expect(lone).toEqual(['examples/README.md', 'keys/README.md'])
  })

  test('speak of this repository alone', () => {
    const foreign =
      /\/work\/|\/root\/|(?<![\w-])shared\/|registry\.(?:npmjs|yarnpkg)|artifactory|verdaccio|nexus|file:\/\//i
    const examples = readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(?:sh|ts)$/.test(name))
      .map((name) => readPage(join('examples', name)))
    const found = [...pages, ...examples].filter(({ text }) => foreign.test(text))
    expect(found.map(({ path }) => path)).toEqual([])
  })

  test('mark only blocks that a test runs', () => {
    const infos = pages.flatMap((page) => fencesOf(page).map(({ info }) => info))
    const unknown = infos.filter((info) => !/^(?:|test|expect|route|file=[\w.-]+)$/.test(info))
    expect(unknown).toEqual([])
  })
})

/** Whether a link of a page leads to a file, and to a heading of it where it names one. */
function leads(page: Page, target: string): boolean {
  const [file = '', anchor] = target.split('#')
  const path = file === '' ? page.path : join(dirname(page.path), file)
  if (!existsSync(join(ROOT, path))) return false
  return anchor === undefined || anchorsOf(readPage(path)).includes(anchor)
}

/** The anchors that a page's headings get. */
function anchorsOf(page: Page): string[] {
  return [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
