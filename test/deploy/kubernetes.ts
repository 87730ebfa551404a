import { createRequire } from 'node:module'

/** Throws what is wrong with an object. */
type Model = new (data: unknown) => { validate(): void }

// its declarations do not compile with ours: classes that lack what their interfaces ask for
const load = createRequire(import.meta.url) as (path: string) => Readonly<Record<string, Model>>

const MODELS = [
  load('kubernetes-models/v1'),
  load('kubernetes-models/apps/v1'),
  load('kubernetes-models/autoscaling/v2'),
  load('kubernetes-models/networking.k8s.io/v1'),
  load('kubernetes-models/policy/v1'),
]

/** Compares an object with the schema that Kubernetes publishes for its kind. */
export function checkManifest(manifest: { readonly kind: string }): void {
  const Found = MODELS.map((models) => models[manifest.kind]).find((model) => model !== undefined)
  if (!Found) throw new Error(`no schema of ${manifest.kind}`)
  new Found(manifest).validate()
}
