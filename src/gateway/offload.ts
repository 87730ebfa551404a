import type { Clock } from '../base/clock.ts'
import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { NetworkSet } from '../base/network-set.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { DeliveryReport } from '../offload/delivery-report.ts'
import { HandOvers } from '../offload/hand-overs.ts'
import { openReportReceiver } from '../offload/report-receiver.ts'

/** Deliveries by others, and the ear for what they report. */
export interface OpenOffload {
  readonly handOvers: HandOvers
  /** Waits so many seconds for reports that are due, at most. */
  settle(seconds: number): Promise<void>
  close(): Promise<void>
}

/** `onReport` hears of every report: who handed the delivery over may be another process. */
export async function openOffload(
  { log, holdSeconds }: GatewayConfig['offload'],
  clock: Clock,
  warn: (message: string) => void,
  onReport?: (report: DeliveryReport) => void,
): Promise<OpenOffload> {
  const handOvers = new HandOvers(clock, holdSeconds)
  const receiver =
    log &&
    (await openReportReceiver({
      host: log.host,
      port: log.port,
      from: new NetworkSet(log.from.flatMap((text) => parseConfiguredNetwork(text) ?? [])),
      onReport: (report) => {
        void handOvers.end(report.ticket, report)
        onReport?.(report)
      },
      warn,
    }))
  return {
    handOvers,
    settle: (seconds) => handOvers.close(seconds),
    async close() {
      await handOvers.close(0)
      await receiver?.close()
    },
  }
}
