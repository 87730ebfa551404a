import { eventually } from './eventually.ts'
import type { TestGateway } from './test-gateway.ts'

export interface Figures {
  readonly leases: number
  readonly downloads: number
}

/** What the admin API says is held now. */
export async function figuresOf(gateway: TestGateway): Promise<Figures> {
  const answer = await gateway.admin('/v1/stats')
  const stats = (await answer.json()) as { leases_held: number; downloads_open: number }
  return { leases: stats.leases_held, downloads: stats.downloads_open }
}

/** Nothing is held any more: no lease, no download. */
export async function expectFreed(gateway: TestGateway, withinMs = 1000): Promise<void> {
  let last: Figures | undefined
  try {
    await eventually(
      'freed',
      async () => {
        last = await figuresOf(gateway)
        return last.leases === 0 && last.downloads === 0
      },
      withinMs,
    )
  } catch {
    throw new Error(`after ${withinMs} ms still held: ${JSON.stringify(last)}`)
  }
}

export interface ListedDownload {
  readonly id: string
  /** The id of the process that serves it. */
  readonly node: string
  readonly link_id: string
  readonly client: string
  readonly path: string
  readonly connections: number
  readonly bytes: number
}

/** `GET /v1/downloads`. */
export async function downloadsOf(gateway: TestGateway): Promise<ListedDownload[]> {
  const answer = await gateway.admin('/v1/downloads')
  return ((await answer.json()) as { downloads: ListedDownload[] }).downloads
}

/** A gauge without labels, as `/metrics` shows it. */
export async function gaugeOf(gateway: TestGateway, name: string): Promise<number> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
  if (value === undefined) throw new Error(`there is no metric ${name}`)
  return Number(value)
}
