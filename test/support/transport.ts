/** How the suites of the public port reach it: `tls` is HTTP/1.1 over TLS, `h2` HTTP/2. */
export const TRANSPORT = (process.env['SLUICE_TEST_TRANSPORT'] ?? 'plain') as 'plain' | 'tls' | 'h2'

/** The certificate that the global setup made, as `server.tls` names it. */
export function testCertificate(): { readonly cert: string; readonly key: string } {
  const { SLUICE_TEST_CERT: cert, SLUICE_TEST_KEY: key } = process.env
  if (!cert || !key) throw new Error('test/support/tls-setup.ts did not run')
  return { cert, key }
}
