import type { GatewayConfig } from '../config/schema.ts'

/** Settings that a reload cannot change, of those that differ. */
export function fixedAtStart(before: GatewayConfig, after: GatewayConfig): string[] {
  const fixed = {
    'server.host': before.server.host !== after.server.host,
    'server.port': before.server.port !== after.server.port,
    'server.publicUrl': before.server.publicUrl !== after.server.publicUrl,
    'server.proxyProtocol': before.server.proxyProtocol !== after.server.proxyProtocol,
    'server.kernelCopy': before.server.kernelCopy !== after.server.kernelCopy,
    'server.tls': (before.server.tls === undefined) !== (after.server.tls === undefined),
    'admin.host': before.admin.host !== after.admin.host,
    'admin.port': before.admin.port !== after.admin.port,
    state: JSON.stringify(before.state) !== JSON.stringify(after.state),
    'offload.log': JSON.stringify(before.offload.log) !== JSON.stringify(after.offload.log),
    'offload.holdSeconds': before.offload.holdSeconds !== after.offload.holdSeconds,
    apis: JSON.stringify(before.apis) !== JSON.stringify(after.apis),
    'keys.directory': before.keys.directory !== after.keys.directory,
    'records.access': before.records.access !== after.records.access,
    'records.audit': before.records.audit !== after.records.audit,
  }
  return Object.entries(fixed).flatMap(([name, changed]) => (changed ? [name] : []))
}
