/** The names of the npm package. Everything else is internal and may change in any release. */
export { type Gateway, type GatewayOptions, startGateway } from './gateway/gateway.ts'
export { type ConfigSources, type LoadedConfig, loadConfig, type Problem } from './config/load.ts'
export {
  type MintedLink,
  mintLink,
  type MintProblem,
  type MintRequest,
} from './operator/mint-link.ts'
export type { LinkDesk } from './operator/link-desk.ts'
