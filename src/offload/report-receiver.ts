import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { parseAddress } from '../base/address.ts'
import { messageOf } from '../base/failure.ts'
import type { AddressSet } from '../base/network-set.ts'
import { type DeliveryReport, parseReport } from './delivery-report.ts'

export interface ReceiverOptions {
  readonly host: string
  readonly port: number
  /** Who may report; a datagram from elsewhere is dropped unread. */
  readonly from: AddressSet
  readonly onReport: (report: DeliveryReport) => void
  readonly warn: (message: string) => void
}

/** Listens for the log lines of a proxy, as syslog over UDP. What is not such a line is dropped. */
export async function openReportReceiver({
  host,
  port,
  from,
  onReport,
  warn,
}: ReceiverOptions): Promise<{ close(): Promise<void> }> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, host, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  socket.on('error', (error) => {
    warn(`reports of deliveries cannot be read: ${messageOf(error)}`)
  })
  socket.on('message', (datagram, sender) => {
    const address = parseAddress(sender.address)
    const report = address && from.has(address) ? parseReport(datagram) : undefined
    if (report) onReport(report)
  })
  return {
    close: () =>
      new Promise((resolve) => {
        socket.close(() => {
          resolve()
        })
      }),
  }
}
