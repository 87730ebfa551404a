import { openEmbeddedState } from './embedded-state.ts'
import type { GatewayState, StateOptions } from './gateway-state.ts'
import { openSharedState } from './shared-state.ts'

/** Opens the state that the configuration names. */
export async function openState(options: StateOptions): Promise<GatewayState> {
  switch (options.config.driver) {
    case 'embedded':
      return openEmbeddedState(options)
    case 'valkey':
      return openSharedState(options)
    default:
      return options.config.driver satisfies never
  }
}
