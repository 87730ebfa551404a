import { readFileSync } from 'node:fs'
import { secondsOf } from '../base/clock.ts'
import { GatewayError, messageOf } from '../base/failure.ts'
import type { StateConfig } from '../config/state-schema.ts'
import { EntrySets } from '../lists/entry-set.ts'
import { openDatabase } from '../state/database.ts'
import { EmbeddedLinkState } from '../state/embedded-link-state.ts'
import { LocalLiveView } from '../state/live-view.ts'
import { RevocationList } from '../state/revocations.ts'
import { ValkeyCatalogue } from '../valkey/catalogue.ts'
import type { ValkeyOptions } from '../valkey/client.ts'
import { ValkeyConnection } from '../valkey/connection.ts'
import { ValkeyCoordination } from '../valkey/coordination.ts'
import { Events } from '../valkey/events.ts'
import { ValkeyLinkState } from '../valkey/link-state.ts'
import { NodeRegistry } from '../valkey/nodes.ts'
import { ReplicatedTable } from '../valkey/replicated-table.ts'
import { SharedLiveView } from '../valkey/shared-live-view.ts'
import { ValkeyTaskStore } from '../valkey/task-store.ts'
import { ValkeyFirstCalls } from '../valkey/valkey-first-calls.ts'
import { ValkeyIdempotency } from '../valkey/valkey-idempotency.ts'
import { ValkeyListEntries } from '../valkey/valkey-list-entries.ts'
import { ValkeyRevocations } from '../valkey/valkey-revocations.ts'
import type { GatewayState, StateOptions } from './gateway-state.ts'
import { Repeats } from './repeats.ts'

/** How long a start waits for the shared state. Without it nobody knows which links are revoked. */
const PATIENCE_MS = 4000
const PRUNE_MS = 600_000

/** The state that many nodes share on a Valkey or Redis. */
export async function openSharedState(options: StateOptions): Promise<GatewayState> {
  // what an error on the way closes again
  using opened = new DisposableStack()
  const { config, clock, live, node, log } = options
  const connection = new ValkeyConnection(connectionOptions(config))
  opened.defer(() => {
    connection.close()
  })
  connection.onDown((failure) => {
    log('warn', `the shared state does not answer: ${messageOf(failure.cause ?? failure)}`)
  })
  const events = new Events(connection)
  const revoked = new ReplicatedTable(connection, events, 'revocations')
  const listed = new ReplicatedTable(connection, events, 'list-entries')
  opened.defer(() => {
    revoked.stop()
    listed.stop()
  })
  if (!(await connection.ready(PATIENCE_MS))) {
    throw new GatewayError('ERR_STATE_UNAVAILABLE', 'the shared state does not answer')
  }
  await events.start()
  await Promise.all([revoked.start(), listed.start()])
  connection.onUp(() => {
    log('warn', 'the shared state answers again')
  })
  const database = openDatabase(config.directory)
  opened.defer(() => {
    database.close()
  })
  const local = new EmbeddedLinkState(database, clock)
  const links = new ValkeyLinkState({
    connection,
    clock,
    node: node.id,
    local,
    onUnavailable: config.onUnavailable,
    onLost: (download) => {
      live.end(({ facts }) => facts.key === download, 'another download has its place')
    },
  })
  const localView = new LocalLiveView(live, node)
  const registry = new NodeRegistry(connection, () => ({ ...node, downloads: live.count }))
  const view = new SharedLiveView(connection, events, registry, localView)
  const entries = new EntrySets(new ValkeyListEntries(listed), clock)
  const repeats = new Repeats((error) => {
    log('error', `the state of this node cannot be written: ${messageOf(error)}`)
  })
  const closing = opened.move()
  return {
    links,
    revocations: new RevocationList(new ValkeyRevocations(revoked), (error) => {
      log('error', `a shared link could not be revoked: ${messageOf(error)}`)
    }),
    idempotency: new ValkeyIdempotency(connection),
    firstCalls: new ValkeyFirstCalls(connection),
    entries,
    catalogue: new ValkeyCatalogue(connection),
    tasks: new ValkeyTaskStore(connection),
    coordination: new ValkeyCoordination(connection),
    view,
    get isUp() {
      return connection.isUp
    },
    async keep() {
      await view.start()
      await registry.join()
      repeats.each(PRUNE_MS, () => {
        const now = secondsOf(clock)
        local.prune(now)
        entries.prune(now)
      })
    },
    async close() {
      repeats.stop()
      local.checkpoint()
      await Promise.all([links.close(), registry.leave()]).catch((error: unknown) => {
        // what this node held ends by itself
        log('warn', `the shared state was not told of the end: ${messageOf(error)}`)
      })
      closing.dispose()
    },
  }
}

/** How a configuration reaches its shared state. */
export function connectionOptions({ url, ca, ...config }: StateConfig): ValkeyOptions {
  if (url === undefined) throw new Error('the checks let no shared state without a URL pass')
  const { prefix, username, password, sentinelUsername, sentinelPassword } = config
  return {
    url,
    prefix,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }),
  }
}
