/**
 * A gateway inside of another program: start it, mint a link, and drain it at the end. A program of its
 * own imports from `sluice-gateway` and names its own configuration.
 */
import { mintLink, startGateway } from '../../src/index.ts'

const gateway = await startGateway({
  file: process.env['GATEWAY_CONFIG'] ?? 'config/gateway.yaml',
  env: process.env,
  log: (level, message) => {
    process.stderr.write(`${level} ${message}\n`)
  },
})

const link = mintLink(gateway.desk, { path: '/files/guide.pdf', expires_in: 600 }, 'json')
if ('field' in link) throw new Error(`${link.field}: ${link.message}`)

const response = await fetch(link.url)
process.stderr.write(`${response.status} ${(await response.bytes()).length} bytes\n`)

await gateway.drain()
