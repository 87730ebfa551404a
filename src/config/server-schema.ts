import { z } from 'zod'
import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { host, httpUrl, port, text } from './fields.ts'

/** Addresses that stand for every interface, and what a client on this machine calls instead. */
const WILDCARDS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** What minted links begin with when `server.publicUrl` is not set. */
export function defaultPublicUrl(
  listenHost: string,
  listenPort: number,
  protocol: 'http' | 'https' = 'http',
): string {
  const name = WILDCARDS[listenHost] ?? listenHost
  const bracketed = name.includes(':') ? `[${name}]` : name
  const isDefault = listenPort === (protocol === 'https' ? 443 : 80)
  return isDefault ? `${protocol}://${bracketed}` : `${protocol}://${bracketed}:${listenPort}`
}

const network = z.string().refine((value) => parseConfiguredNetwork(value) !== undefined, {
  error: 'expected an address or a CIDR, as 10.0.0.0/8 or 2001:db8::/32',
})

export const serverSchema = z
  .strictObject({
    host: host
      .default('127.0.0.1')
      .describe('Address to listen on; 0.0.0.0 or :: for every interface.'),
    port: port.default(8080).describe('TCP port to listen on; 0 takes any free one.'),
    publicUrl: httpUrl
      .optional()
      .describe(
        'What minted links begin with, as clients see the gateway. Default: from host and port.',
      ),
    trustedProxies: z
      .array(network)
      .default([])
      .describe('CIDRs whose X-Forwarded-For and Forwarded are believed. Default: none.'),
    trustAllProxies: z
      .boolean()
      .default(false)
      .describe('Allows a /0 in trustedProxies: every client may then claim any address.'),
    proxyProtocol: z
      .boolean()
      .default(false)
      .describe('Reads a PROXY protocol v1 or v2 header, from trustedProxies only.'),
    tls: z
      .strictObject({
        cert: text.describe('PEM file with the certificate and the chain behind it.'),
        key: text.describe('PEM file with its private key, not encrypted.'),
      })
      .optional()
      .describe('The port speaks TLS, and HTTP/2 beside HTTP/1.1.'),
    kernelCopy: z
      .enum(['auto', 'off'])
      .default('auto')
      .describe(
        'auto: large bodies for plain-HTTP clients are copied inside the kernel where the optional sluice-kernel-copy is installed.',
      ),
    drainSeconds: z
      .number()
      .min(0)
      .max(86_400)
      .default(30)
      .describe('Seconds that running downloads may take after SIGTERM.'),
  })
  .transform((server) => {
    const { host: listenHost, port: listenPort, tls } = server
    const publicUrl =
      server.publicUrl ?? defaultPublicUrl(listenHost, listenPort, tls ? 'https' : 'http')
    return { ...server, publicUrl: publicUrl.replace(/\/+$/, '') }
  })
  .prefault({})
  .describe('The public side: where downloads are served.')

export const adminSchema = z
  .strictObject({
    host: host.default('127.0.0.1').describe('Address of the admin API and the dashboard.'),
    port: port.default(8081).describe('TCP port of the admin API; 0 takes any free one.'),
    tokens: text
      .default('../keys/admin-tokens.json')
      .describe('File with the SHA-256 of each admin token.'),
  })
  .prefault({})
  .describe('The admin API and the dashboard.')

export const recordsSchema = z
  .strictObject({
    access: text.default('stdout').describe('One JSON line a request: stdout, or a file.'),
    audit: text
      .refine((file) => file !== 'stdout', {
        error: 'the audit is a hash-chained file, not stdout',
      })
      .default('../data/audit.jsonl')
      .describe('File with the hash-chained changes through the admin API.'),
  })
  .prefault({})
  .describe('What is written down.')
