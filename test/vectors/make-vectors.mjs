// Makes sluice-hmac.json and sluice-jwt.json with signers that are not ours: the openssl command for
// HMAC, npm jose for JWT. `node make-vectors.mjs` writes both, `--check` compares them with what it
// would write. PS256 and ES256 signatures are random: those of the last run are kept as long as they hold.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { compactVerify, CompactSign, exportJWK, generateKeyPair, importJWK } from 'jose'
import { hmacRows } from './hmac-rows.mjs'
import { jwtRows } from './jwt-rows.mjs'

export const NOW = 1_800_000_000
const here = (name) => new URL(name, import.meta.url)
const read = (name) => JSON.parse(readFileSync(here(name), 'utf8'))

/** base64url(HMAC(key, text)) by openssl. */
function hmac(hexKey, text, digest = 'sha256') {
  const mac = execFileSync(
    'openssl',
    ['dgst', `-${digest}`, '-mac', 'HMAC', '-macopt', `hexkey:${hexKey}`, '-binary'],
    { input: Buffer.from(text, 'latin1') },
  )
  return mac.toString('base64url')
}

/** Throwaway keys, made once. */
async function loadKeys() {
  if (!existsSync(here('keys.json'))) {
    const rsa = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
    const other = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
    const ec = await generateKeyPair('ES256', { extractable: true })
    const jwks = {
      rsa: await exportJWK(rsa.privateKey),
      'rsa-other': await exportJWK(other.privateKey),
      ec: await exportJWK(ec.privateKey),
    }
    writeFileSync(here('keys.json'), `${JSON.stringify(jwks, null, 2)}\n`)
  }
  return read('keys.json')
}

const jwks = await loadKeys()
const kept = await keptSignatures()

/** A compact JWS by jose; the header's `alg` chooses the algorithm, the payload is text or an object. */
async function sign(header, payload, key) {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  const encode = (part) => Buffer.from(part).toString('base64url')
  const known = kept.get(`${encode(JSON.stringify(header))}.${encode(text)}`)
  if (known !== undefined) return known
  const imported = typeof key === 'string' ? Buffer.from(key, 'hex') : await importJWK(key, header.alg)
  return new CompactSign(Buffer.from(text)).setProtectedHeader(header).sign(imported)
}

/** The tokens of the last run that a random algorithm signed, by what is signed. */
async function keptSignatures() {
  const tokens = new Map()
  if (!existsSync(here('sluice-jwt.json'))) return tokens
  const text = readFileSync(here('sluice-jwt.json'), 'utf8')
  for (const [token] of text.matchAll(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g)) {
    for (const [alg, jwk] of [
      ['PS256', jwks.rsa],
      ['ES256', jwks.ec],
    ]) {
      const { kty, n, e, crv, x, y } = jwk
      const key = await importJWK({ kty, n, e, crv, x, y }, alg)
      const holds = await compactVerify(token, key, { algorithms: [alg] }).then(
        () => true,
        () => false,
      )
      if (holds) tokens.set(token.slice(0, token.lastIndexOf('.')), token)
    }
  }
  return tokens
}

function publicHalf({ kty, n, e, crv, x, y }) {
  return kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y }
}

const tools = { NOW, hmac, sign, jwks, publicHalf }
const files = {
  'sluice-hmac.json': await hmacRows(tools),
  'sluice-jwt.json': await jwtRows(tools),
}
for (const [name, rows] of Object.entries(files)) {
  const names = rows.map((row) => row.name)
  const twice = names.find((row, i) => names.indexOf(row) !== i)
  if (twice !== undefined) throw new Error(`${name}: two rows are called ${twice}`)
  const text = `[\n${rows.map((row) => `  ${JSON.stringify(row)}`).join(',\n')}\n]\n`
  if (!process.argv.includes('--check')) writeFileSync(here(name), text)
  else if (JSON.stringify(read(name)) !== JSON.stringify(rows)) {
    console.error(`${name} is not what make-vectors.mjs makes`)
    process.exitCode = 1
  }
  const allowed = rows.filter((row) => row.expect === 'allow').length
  console.log(`${name}: ${rows.length} rows, ${allowed} allow`)
}
