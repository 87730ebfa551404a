import { z } from 'zod'
import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { host, timerSeconds } from './fields.ts'

const network = z.string().refine((value) => parseConfiguredNetwork(value) !== undefined, {
  error: 'expected an address or a CIDR, as 10.0.0.0/8 or 2001:db8::/32',
})

export const offloadSchema = z
  .strictObject({
    log: z
      .strictObject({
        host: host.default('127.0.0.1').describe('Address to listen on.'),
        port: z.int().min(1).max(65535).describe('UDP port to listen on.'),
        from: z
          .array(network)
          .default(['127.0.0.0/8', '::1'])
          .describe('CIDRs of proxies that may report; others are not heard.'),
      })
      .optional()
      .describe(
        'Where nginx reports how deliveries ended: syslog over UDP. Without it nginx gets no download that has limits.',
      ),
    holdSeconds: timerSeconds
      .default(3600)
      .describe('Seconds that a delivery by nginx holds its place at most, without a report.'),
    redirectSeconds: z
      .int()
      .min(1)
      .max(3600)
      .default(60)
      .describe('Seconds that a link to the origin itself lives; never longer than the link.'),
  })
  .prefault({})
  .describe('Bytes that others send: for policies with delivery.offload.')
