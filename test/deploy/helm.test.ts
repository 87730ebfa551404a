import { join } from 'node:path'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { ROOT } from '../support/sluice.ts'
import { Helm, type Manifest } from './helm.ts'
import { checkManifest } from './kubernetes.ts'

const helm = new Helm()

const LEAST = {
  publicUrl: 'https://downloads.example.com',
  keysSecret: 'sluice-keys',
  state: { url: 'redis://valkey:6379' },
  config: {
    origins: { library: { type: 'http', url: 'http://origin/' } },
    routes: [{ path: '/files/', origin: 'library', schemes: ['sluice-hmac'], policy: 'default' }],
  },
}

const MOST = {
  ...LEAST,
  state: {
    url: 'rediss+sentinel://valkey-0:26379,valkey-1:26379/sluice',
    username: 'sluice',
    passwordSecret: { name: 'valkey' },
    settings: { prefix: 'downloads:' },
  },
  imagePullSecrets: [{ name: 'registry' }],
  extraEnv: [{ name: 'ARCHIVE_AUTHORIZATION', value: 'x' }],
  extraVolumes: [{ name: 'lists', emptyDir: {} }],
  extraVolumeMounts: [{ name: 'lists', mountPath: '/etc/sluice/lists' }],
  autoscaling: { enabled: true },
  service: { type: 'LoadBalancer', annotations: { a: 'b' } },
  networkPolicy: {
    publicFrom: [{ ipBlock: { cidr: '10.0.0.0/8' } }],
    adminFrom: [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }],
    egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }],
  },
  nodeSelector: { disk: 'fast' },
  tolerations: [{ operator: 'Exists' }],
  affinity: { nodeAffinity: {} },
}

async function render(values: object): Promise<readonly Manifest[]> {
  const manifests = await helm.template(values)
  if (typeof manifests === 'string') throw new Error(manifests)
  return manifests
}

interface PodSpec {
  readonly terminationGracePeriodSeconds: number
  readonly containers: readonly { readonly env: readonly { readonly name: string }[] | null }[]
}

function podOf(manifests: readonly Manifest[]): PodSpec {
  const deployment = manifests.find(({ kind }) => kind === 'Deployment')
  const { template } = (deployment?.spec ?? {}) as { readonly template: { readonly spec: PodSpec } }
  return template.spec
}

/** The gateway's settings that a chart renders, read by the gateway's own loader. */
function problemsOf(
  manifests: readonly Manifest[],
  env: Readonly<Record<string, string>>,
): unknown {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-chart-'))
  mkdirSync(join(directory, 'keys'))
  mkdirSync(join(directory, 'policies'))
  const [settings, policies] = manifests.filter(({ kind }) => kind === 'ConfigMap')
  for (const [name, text] of Object.entries(policies?.data ?? {})) {
    writeFileSync(join(directory, 'policies', name), text)
  }
  const file = join(directory, 'gateway.yaml')
  const text = settings?.data?.['gateway.yaml'] ?? ''
  writeFileSync(file, text.replaceAll(/\/(?:etc|var\/lib)\/sluice/g, directory))
  return loadConfig({ file, env }).problems
}

describe('the Helm chart', () => {
  test.each([
    ['least', LEAST],
    ['most', MOST],
  ])('passes helm lint with the %s values', async (_, values) => {
    expect(await helm.lint(values)).toMatchObject({ status: 0 })
  })

  test.each([
    ['least', LEAST, 6],
    ['most', MOST, 8],
  ])('renders objects that Kubernetes knows from the %s values', async (_, values, count) => {
    const manifests = await render(values)
    expect(manifests.length).toBeGreaterThanOrEqual(count - 1)
    for (const manifest of manifests) {
      expect(() => {
        checkManifest(manifest)
      }, manifest.kind).not.toThrow()
    }
  })

  test('renders settings that the gateway takes', async () => {
    expect(problemsOf(await render(LEAST), {})).toEqual([])
    expect(problemsOf(await render(MOST), { VALKEY_PASSWORD: 'x' })).toEqual([])
  })

  test('gives pods the time to drain', async () => {
    const pod = podOf(await render({ ...LEAST, drainSeconds: 900, preStopSeconds: 20 }))
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(920)
  })

  test('leaves the number of pods to the autoscaler', async () => {
    const spec = (manifests: readonly Manifest[]): unknown =>
      manifests.find(({ kind }) => kind === 'Deployment')?.spec
    expect(spec(await render(LEAST))).toMatchObject({ replicas: 2 })
    expect(spec(await render(MOST))).not.toHaveProperty('replicas')
  })

  test.each([
    ['no public URL', { ...LEAST, publicUrl: '' }, 'publicUrl'],
    ['no keys', { ...LEAST, keysSecret: '' }, 'keysSecret'],
    ['no state to share', { ...LEAST, state: {} }, 'state'],
    ['a value that nobody reads', { ...LEAST, replicas: 3 }, 'replicas'],
    ['settings that the chart makes', { ...LEAST, config: { server: {} } }, 'config'],
    [
      'many gateways that share nothing',
      { ...LEAST, state: { driver: 'embedded' } },
      'replicaCount',
    ],
  ])('refuses %s', async (_, values, named) => {
    expect(await helm.template(values)).toEqual(expect.stringContaining(named))
  })

  test('documents each value', () => {
    const text = readFileSync(join(ROOT, 'deploy/helm/sluice/values.yaml'), 'utf8')
    const schema = JSON.parse(
      readFileSync(join(ROOT, 'deploy/helm/sluice/values.schema.json'), 'utf8'),
    ) as { readonly properties: object }
    const known = Object.keys(schema.properties).filter((name) => name !== 'global')
    expect(Object.keys(parse(text) as object).toSorted()).toEqual(known.toSorted())
  })
})
