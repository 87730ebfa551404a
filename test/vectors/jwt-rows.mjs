import { createPublicKey } from 'node:crypto'

/** The rows of sluice-jwt.json. Every refused row is a good token with the one change that its name states. */
export async function jwtRows({ NOW, hmac, sign, jwks, publicHalf }) {
  const SECRETS = {
    hs: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
    hs384: '00'.repeat(16) + '0f'.repeat(32),
    hs512: 'a5'.repeat(64),
    foreign: '77'.repeat(32),
  }
  const RSA = publicHalf(jwks.rsa)
  const EC = publicHalf(jwks.ec)
  const KEYS = [
    ...[['hs', 'HS256'], ['hs384', 'HS384'], ['hs512', 'HS512']].map(([id, alg]) => ({
      id, type: 'secret', encoding: 'hex', alg, value: SECRETS[id],
    })),
    { id: 'rs', type: 'jwk', alg: 'RS256', value: RSA },
    { id: 'ps', type: 'jwk', alg: 'PS256', value: RSA },
    { id: 'es', type: 'jwk', alg: 'ES256', value: EC },
  ]
  const PATH = '/files/video.mp4'
  const CLAIMS = { sub: PATH, exp: NOW + 3600 }
  const HEADER = { alg: 'HS256', typ: 'JWT', kid: 'hs' }
  const rows = []
  let keys = KEYS

  const row = (name, request, expect, code, more = {}) =>
    rows.push({
      name,
      format: 'sluice-jwt',
      origin: { kind: 'independent', signedBy: 'npm jose; where jose refuses to, openssl dgst -mac HMAC' },
      keys,
      method: 'GET',
      ...request,
      clientIp: '192.168.2.1',
      now: NOW,
      expect,
      ...(code !== undefined && { code }),
      ...more,
    })
  const inQuery = (token, path = PATH) => ({ url: `${path}?token=${token}` })
  const allow = (name, token, more) => row(name, inQuery(token), 'allow', undefined, more)
  const deny = (name, token, more) => row(name, inQuery(token), 'deny', 'link_invalid', more)
  const b64 = (text) => Buffer.from(text).toString('base64url')
  /** Signed by jose. */
  const token = (claims = CLAIMS, header = HEADER, key = SECRETS.hs) => sign(header, claims, key)
  /** Header and payload as texts, signed by openssl: for what jose does not let through. */
  const raw = (header, payload, secret = SECRETS.hs, digest = 'sha256') => {
    const input = `${b64(typeof header === 'string' ? header : JSON.stringify(header))}.${b64(
      typeof payload === 'string' ? payload : JSON.stringify(payload))}`
    return `${input}.${hmac(secret, input, digest)}`
  }
  const good = await token()
  const [head, body, mac] = good.split('.')

  // algorithms
  allow('HS256', good)
  allow('HS256 by openssl', raw(HEADER, CLAIMS))
  allow('HS384', await token(CLAIMS, { alg: 'HS384', kid: 'hs384' }, SECRETS.hs384))
  allow('HS512', await token(CLAIMS, { alg: 'HS512', kid: 'hs512' }, SECRETS.hs512))
  const rs = await token(CLAIMS, { alg: 'RS256', kid: 'rs' }, jwks.rsa)
  const ps = await token(CLAIMS, { alg: 'PS256', kid: 'ps' }, jwks.rsa)
  const es = await token(CLAIMS, { alg: 'ES256', kid: 'es' }, jwks.ec)
  allow('RS256', rs)
  allow('PS256', ps)
  allow('ES256', es)
  allow('without kid: the only key of the algorithm', await token(CLAIMS, { alg: 'HS256' }))
  allow('without typ', await token(CLAIMS, { alg: 'HS256', kid: 'hs' }))
  allow('typ in lower case (RFC 7519 section 5.1)', await token(CLAIMS, { ...HEADER, typ: 'jwt' }))
  allow('an unknown header member', await token(CLAIMS, { ...HEADER, cty: 'x' }))
  allow('an unknown claim', await token({ ...CLAIMS, role: 'x' }))
  allow('white space in header and payload', raw('{ "alg" :\n"HS256", "kid":"hs" }', ` { "sub" : "${PATH}" ,\t"exp":${NOW + 9} } `))

  // carriers
  const bearer = { authorization: `Bearer ${good}` }
  row('as path segment', { url: `/~${good}${PATH}` }, 'allow')
  row('as cookie', { url: PATH, cookies: { sluice_token: good } }, 'allow')
  row('as Bearer token', { url: PATH, headers: bearer }, 'allow')
  row('as bearer token in lower case', { url: PATH, headers: { authorization: `bearer ${good}` } }, 'allow')
  row('beside other cookies', { url: PATH, headers: { cookie: `a=b; sluice_token=${good}; xsluice_token=y` } }, 'allow')
  row('beside other parameters', { url: `${PATH}?a=b&token=${good}&c` }, 'allow')
  row('for HEAD', inQuery(good), 'allow', undefined, { method: 'HEAD' })
  for (const [name, request] of [
    ['in query and cookie', { url: `${PATH}?token=${good}`, cookies: { sluice_token: good } }],
    ['in query and header', { url: `${PATH}?token=${good}`, headers: bearer }],
    ['in query and path', { url: `/~${good}${PATH}?token=${good}` }],
    ['in path and header', { url: `/~${good}${PATH}`, headers: bearer }],
    ['in path and cookie', { url: `/~${good}${PATH}`, cookies: { sluice_token: good } }],
    ['in cookie and header', { url: PATH, cookies: { sluice_token: good }, headers: bearer }],
    ['twice in the query', { url: `${PATH}?token=${good}&token=${good}` }],
    ['twice in the query, one empty', { url: `${PATH}?token=&token=${good}` }],
    ['good in the query and broken in a cookie', { url: `${PATH}?token=${good}`, cookies: { sluice_token: 'x' } }],
    ['twice as cookie', { url: PATH, headers: { cookie: `sluice_token=${good}; sluice_token=${good}` } }],
    ['twice as cookie, one empty', { url: PATH, headers: { cookie: `sluice_token=; sluice_token=${good}` } }],
    ['quoted as cookie', { url: PATH, headers: { cookie: `sluice_token="${good}"` } }],
    ['empty in the path', { url: `/~${PATH}` }],
    ['empty in the query', { url: `${PATH}?token=` }],
  ]) {
    row(`a token ${name}`, request, 'deny', 'link_invalid')
  }
  row('a token under an encoded name', { url: `${PATH}?%74oken=${good}` }, 'deny', 'link_missing')
  row('a token as Basic credentials', { url: PATH, headers: { authorization: `Basic ${good}` } }, 'deny', 'link_missing')
  row('a token as second path segment', { url: `/files/~${good}/video.mp4` }, 'deny', 'link_missing')
  row('no token', { url: PATH }, 'deny', 'link_missing')

  // alg none and confusion
  for (const alg of ['none', 'None', 'NONE', 'nOnE', 'none ', '', 'HS1', 'hs256', 'HS256 ', 'EdDSA', 'RSA-OAEP', 'dir']) {
    deny(`alg ${JSON.stringify(alg)} without a signature`, `${b64(JSON.stringify({ ...HEADER, alg }))}.${body}.`)
    deny(`alg ${JSON.stringify(alg)} with an HS256 signature`, raw({ ...HEADER, alg }, CLAIMS))
  }
  for (const [what, alg] of [['null', 'null'], ['a number', '256'], ['a list', '["HS256"]'], ['an object', '{}'], ['true', 'true']]) {
    deny(`alg is ${what}`, raw(`{"alg":${alg},"kid":"hs"}`, CLAIMS))
  }
  deny('alg missing', raw({ typ: 'JWT', kid: 'hs' }, CLAIMS))
  const pem = createPublicKey({ key: RSA, format: 'jwk' })
  const ecPem = createPublicKey({ key: EC, format: 'jwk' })
  for (const [what, secret] of [
    ['SPKI PEM', pem.export({ type: 'spki', format: 'pem' })],
    ['SPKI PEM without its final line break', pem.export({ type: 'spki', format: 'pem' }).trimEnd()],
    ['PKCS#1 PEM', pem.export({ type: 'pkcs1', format: 'pem' })],
    ['SPKI DER', pem.export({ type: 'spki', format: 'der' })],
    ['PKCS#1 DER', pem.export({ type: 'pkcs1', format: 'der' })],
    ['JWK', JSON.stringify(RSA)],
    ['modulus', Buffer.from(RSA.n, 'base64url')],
  ]) {
    deny(`HS256 with the RSA public key (${what}) as secret`, raw({ alg: 'HS256', kid: 'rs' }, CLAIMS, Buffer.from(secret).toString('hex')))
    deny(`alg RS256 over an HMAC with the RSA public key (${what})`, raw({ alg: 'RS256', kid: 'rs' }, CLAIMS, Buffer.from(secret).toString('hex')))
  }
  deny('HS256 with the EC public key as secret', raw({ alg: 'HS256', kid: 'es' }, CLAIMS, Buffer.from(ecPem.export({ type: 'spki', format: 'pem' })).toString('hex')))
  deny('HS256 with an empty secret claimed for the RSA key', raw({ alg: 'HS256', kid: 'rs' }, CLAIMS, '00'))
  deny('PS256 with the kid of RS256', await token(CLAIMS, { alg: 'PS256', kid: 'rs' }, jwks.rsa))
  deny('RS256 with the kid of PS256', await token(CLAIMS, { alg: 'RS256', kid: 'ps' }, jwks.rsa))
  deny('RS512 with the RS256 key', await token(CLAIMS, { alg: 'RS512', kid: 'rs' }, jwks.rsa))
  deny('HS512 with the HS256 key', raw({ alg: 'HS512', kid: 'hs' }, CLAIMS, SECRETS.hs, 'sha512'))
  deny('HS384 with the HS256 key', raw({ alg: 'HS384', kid: 'hs' }, CLAIMS, SECRETS.hs, 'sha384'))
  deny('ES256 with the kid of RS256', await token(CLAIMS, { alg: 'ES256', kid: 'rs' }, jwks.ec))
  deny('an RS256 signature under a PS256 header', `${ps.slice(0, ps.lastIndexOf('.'))}${rs.slice(rs.lastIndexOf('.'))}`)
  deny('the signature of an HS256 token under an HS512 header', `${b64('{"alg":"HS512","kid":"hs512"}')}.${body}.${mac}`)
  deny('another RSA key with the kid of ours', await token(CLAIMS, { alg: 'RS256', kid: 'rs' }, jwks['rsa-other']))

  const [esText, esSignature] = [es.slice(0, es.lastIndexOf('.')), es.slice(es.lastIndexOf('.') + 1)]
  for (const [what, text] of [
    ['an RS256 signature cut', rs.slice(0, -4)],
    ['an RS256 signature changed', flip(rs, rs.length - 40)],
    ['a PS256 signature changed', flip(ps, ps.length - 40)],
    ['an ES256 signature changed', flip(es, es.length - 40)],
    ['an ES256 signature in DER', `${esText}.${derOf(esSignature)}`],
    ['an ES256 signature of zeros (CVE-2022-21449)', `${esText}.${'A'.repeat(86)}`],
    ['an ES256 signature of 63 bytes', es.slice(0, -2)],
  ]) {
    deny(what, text)
  }

  // one key is enough from here on, and keeps the file small
  keys = KEYS.slice(0, 1)

  // the header must not bring a key, nor demand what is not known
  for (const [what, members] of [
    ['jwk', { jwk: { kty: 'oct', k: Buffer.from(SECRETS.foreign, 'hex').toString('base64url') } }],
    ['jwk of the public key', { jwk: RSA }],
    ['jku', { jku: 'https://attacker.example/jwks.json' }],
    ['x5u', { x5u: 'https://attacker.example/cert.pem' }],
    ['x5c', { x5c: ['MIIB'] }],
    ['crit', { crit: ['exp'], exp: NOW }],
    ['an empty crit', { crit: [] }],
    ['crit null', { crit: null }],
    ['b64 false', { b64: false, crit: ['b64'] }],
    ['b64 true', { b64: true }],
    ['enc', { enc: 'A256GCM' }],
    ['zip', { zip: 'DEF' }],
  ]) {
    deny(`a header with ${what}`, raw({ ...HEADER, ...members }, CLAIMS))
    deny(`a header with ${what}, signed with a key of the attacker`, raw({ ...HEADER, ...members }, CLAIMS, SECRETS.foreign))
  }
  for (const typ of ['JWS', 'at+jwt', 'JOSE', '', 'application/jwt', null, 1, ['JWT'], {}]) {
    deny(`typ ${JSON.stringify(typ)}`, raw({ ...HEADER, typ }, CLAIMS))
  }
  for (const [what, kid] of [
    ['unknown', 'nobody'],
    ['empty', ''],
    ['with a traversal', '../../../../dev/null'],
    ['with a NUL', 'hs\0'],
    ['in upper case', 'HS'],
    ['with a space', 'hs '],
    ['SQL', "x' UNION SELECT 'secret';--"],
    ['a command', '$(cat /etc/passwd)'],
    ['a URL', 'https://attacker.example/key'],
    ['very long', 'k'.repeat(4000)],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['a number', 1],
    ['a list', ['hs']],
    ['an object', { toString: 'hs' }],
    ['null', null],
    ['true', true],
  ]) {
    deny(`kid ${what}`, raw({ ...HEADER, kid }, CLAIMS))
    deny(`kid ${what}, signed with an empty key`, raw({ ...HEADER, kid }, CLAIMS, '00'))
  }
  for (const [what, header] of [
    ['kid twice', '{"alg":"HS256","kid":"nobody","kid":"hs"}'],
    ['kid twice, the same', '{"alg":"HS256","kid":"hs","kid":"hs"}'],
    ['kid twice, one escaped', '{"alg":"HS256","kid":"hs","\\u006bid":"hs"}'],
    ['alg twice', '{"alg":"none","alg":"HS256","kid":"hs"}'],
    ['alg twice, one escaped', '{"alg":"HS256","\\u0061lg":"none","kid":"hs"}'],
    ['a list', '["HS256"]'], ['text', '"HS256"'], ['null', 'null'], ['no JSON', 'alg=HS256'], ['an empty object', '{}'],
    ['JSON with a trailing comma', '{"alg":"HS256","kid":"hs",}'],
    ['JSON with a byte order mark', '\ufeff{"alg":"HS256","kid":"hs"}'],
    ['two objects', '{"alg":"HS256","kid":"hs"}{}'],
    ['nested 17 deep', `{"alg":"HS256","kid":"hs","x":${'['.repeat(16)}${']'.repeat(16)}}`],
  ]) {
    deny(`the header is or has ${what}`, raw(header, CLAIMS))
  }

  // form of the token
  const loose = mac.slice(0, -1) + nextCharacter(mac.at(-1))
  for (const [what, text] of [
    ['one segment', head], ['two segments', `${head}.${body}`], ['four segments', `${good}.x`],
    ['five segments (JWE)', `${head}.x.${body}.y.${mac}`], ['a dot in front', `.${good}`], ['a dot behind', `${good}.`],
    ['an empty header', `.${body}.${mac}`], ['an empty payload', `${head}..${mac}`], ['an empty signature', `${head}.${body}.`],
    ['nothing but dots', '..'], ['no JWT at all', 'abc'], ['JSON serialization', encodeURIComponent(`{"payload":"${body}"}`)],
    ['padding at the signature', `${good}=`], ['encoded padding', `${good}%3D`], ['padding at the payload', `${head}.${body}=.${mac}`],
    ['padding at the header', `${head}=.${body}.${mac}`],
    ['a plus in the signature', `${head}.${body}.+${mac.slice(1)}`], ['a slash in the signature', `${head}.${body}./${mac.slice(1)}`],
    ['a blank behind', `${good}%20`], ['a plus behind', `${good}+`], ['a line break behind', `${good}%0A`], ['a raw blank', `${good} `],
    ['a star within', `${head}.${body}.*${mac}`],
    ['non-zero trailing bits in the signature', `${head}.${body}.${loose}`],
    ['a signature of length 4n+1', `${good}AA`], ['a payload of length 4n+1', `${head}.${body}${'A'.repeat((5 - (body.length % 4)) % 4)}.${mac}`],
    ['its signature cut', good.slice(0, -4)], ['half of its signature', `${head}.${body}.${mac.slice(0, 20)}`],
    ['its signature longer', `${good}AAAA`], ['the first character of its signature changed', `${head}.${body}.${flip(mac, 0)}`],
    ['its payload changed', `${head}.${flip(body, 8)}.${mac}`], ['its header changed', `${flip(head, 8)}.${body}.${mac}`],
    ['header and payload swapped', `${body}.${head}.${mac}`], ['zeros as signature', `${head}.${body}.${'A'.repeat(43)}`],
    ['the payload of another token', `${head}.${b64(JSON.stringify({ ...CLAIMS, exp: NOW + 9999 }))}.${mac}`],
    ['the prefix Bearer', `Bearer%20${good}`], ['a percent-encoded dot', good.replace('.', '%2E')],
      ]) {
    deny(`a token with or of ${what}`, text)
  }
  const fill = (length) => {
    const room = length - raw(HEADER, { ...CLAIMS, pad: '' }).length
    return raw(HEADER, { ...CLAIMS, pad: 'x'.repeat(Math.floor((room * 3) / 4)) })
  }
  allow('just within 8 KiB', fill(8190))
  deny('beyond 8 KiB', fill(8200))
  row('a cookie just within 4 KiB', { url: PATH, cookies: { sluice_token: fill(4094) } }, 'allow')
  row('a cookie beyond 4 KiB', { url: PATH, cookies: { sluice_token: fill(4104) } }, 'deny', 'link_invalid')

  // payload
  for (const [what, payload] of [
    ['a list', '[]'], ['text', '"x"'], ['a number', '1'], ['null', 'null'], ['no JSON', 'x'], ['empty object', '{}'],
    ['JSON with a trailing comma', `{"sub":"${PATH}","exp":${NOW + 9},}`],
    ['JSON with a comment', `{"sub":"${PATH}","exp":${NOW + 9}/*x*/}`],
    ['JSON with single quotes', `{'sub':'${PATH}','exp':${NOW + 9}}`],
    ['JSON with a byte order mark', `\ufeff{"sub":"${PATH}","exp":${NOW + 9}}`],
    ['two objects', `{"sub":"${PATH}","exp":${NOW + 9}}{}`],
    ['sub twice', `{"sub":"/x","sub":"${PATH}","exp":${NOW + 9}}`],
    ['sub twice, one escaped', `{"sub":"${PATH}","s\\u0075b":"${PATH}","exp":${NOW + 9}}`],
    ['exp twice', `{"sub":"${PATH}","exp":1,"exp":${NOW + 9}}`],
    ['exp twice, the first escaped', `{"sub":"${PATH}","\\u0065xp":1,"exp":${NOW + 9}}`],
    ['exp twice, the last escaped', `{"sub":"${PATH}","exp":${NOW + 9},"e\\u0078p":${NOW + 9}}`],
    ['ip twice', `{"sub":"${PATH}","exp":${NOW + 9},"ip":1,"ip":3232236033}`],
    ['a name twice in a nested object', `{"sub":"${PATH}","exp":${NOW + 9},"x":{"a":1,"a":2}}`],
    ['nesting of 17', `{"sub":"${PATH}","exp":${NOW + 9},"x":${'['.repeat(16)}${']'.repeat(16)}}`],
    ['nesting of 2000', `{"sub":"${PATH}","exp":${NOW + 9},"x":${'['.repeat(1000)}${']'.repeat(1000)}}`],
  ]) {
    deny(`the payload is or has ${what}`, raw(HEADER, payload))
  }
  allow('nesting of 16', raw(HEADER, `{"sub":"${PATH}","exp":${NOW + 9},"x":${'['.repeat(15)}${']'.repeat(15)}}`))

  // times
  const at = (exp) => raw(HEADER, `{"sub":"${PATH}","exp":${exp}}`)
  allow('the second before exp', at(NOW + 1))
  row('the second of exp', inQuery(at(NOW)), 'deny', 'link_expired')
  row('exp is 0', inQuery(at(0)), 'deny', 'link_expired')
  row('exp long ago', inQuery(at(1)), 'deny', 'link_expired')
  for (const exp of [
    `"${NOW + 9}"`, `${NOW + 9}.5`, `${NOW + 9}.0`, '18e8', '1.8e9', '1.9E+9', '1e999', '1e400', '-1', '-1e999', 'null', 'true', 'false',
    '[]', `[${NOW + 9}]`, '{}', '9007199254740993', '99999999999999999999', `${(NOW + 9) * 1000}`, `${NOW + 11 * 365 * 86400}`,
    '"never"', '""', '"Infinity"', '"2030-01-01"', '1e-999',
  ]) {
    deny(`exp is ${exp}`, at(exp))
  }
  deny('exp is missing', raw(HEADER, { sub: PATH }))
  deny('exp is spelled Exp', raw(HEADER, { sub: PATH, Exp: NOW + 9 }))
  deny('exp only in the header', raw({ ...HEADER, exp: NOW + 9 }, { sub: PATH }))
  const claim = (members) => raw(HEADER, { ...CLAIMS, ...members })
  const claimText = (text) => raw(HEADER, `{"sub":"${PATH}","exp":${NOW + 9},${text}}`)
  allow('nbf in this second', claim({ nbf: NOW }))
  row('nbf in the next second', inQuery(claim({ nbf: NOW + 1 })), 'deny', 'link_not_yet_valid')
  row('nbf far ahead', inQuery(claim({ nbf: NOW * 1000 })), 'deny', 'link_not_yet_valid')
  allow('iat and exp within the lifetime', claim({ iat: NOW - 604800 + 3600 }))
  deny('iat and exp further apart than the lifetime', claim({ iat: NOW - 604800 + 3599 }))
  for (const name of ['nbf', 'iat']) {
    for (const value of ['"1"', '1.5', '1.0', '1e3', 'null', 'true', '[1]', '{}', '-1', '1e999', '""']) {
      deny(`${name} is ${value}`, claimText(`"${name}":${value}`))
    }
  }

  // sub
  const sub = (subject, path = PATH) => [inQuery(raw(HEADER, { ...CLAIMS, sub: subject }), path)]
  for (const [subject, path] of [
    ['/files/*', PATH], ['/*', PATH], ['/files/a/*', '/files/a/b/c.mp4'], ['/files/a%20b.mp4', '/files/a%20b.mp4'],
    ['/files/a b.mp4', '/files/a%20b.mp4'], ['/files/\u00fc.mp4', '/files/%c3%bc.mp4'], ['/files/%C3%BC.mp4', '/files/%C3%BC.mp4'],
    ['/files/*/x', '/files/*/x'],
  ]) {
    row(`sub ${subject} opens ${path}`, ...sub(subject, path), 'allow')
  }
  for (const [subject, path] of [
    ['/files/other.mp4', PATH], ['/files/video.mp', PATH], ['/files/video.mp4x', PATH], ['/files/VIDEO.mp4', PATH],
    ['/files/a/*', '/files/ab'], ['/files/a/*', '/files/a'], ['/files/a/*', '/files/ab/c'], ['/files/a/*', '/files/b/a/c'], ['/files/a*', '/files/ab'],
    ['/files', PATH], ['/files/', PATH], ['/', PATH], ['*', PATH], ['', PATH], ['files/video.mp4', PATH], ['https://files.example/files/video.mp4', PATH],
    ['/files/../files/video.mp4', PATH], ['/files/x/../video.mp4', PATH], ['/files/./video.mp4', PATH], ['/files//video.mp4', PATH],
    ['/files/%2e%2e/files/video.mp4', PATH], ['/files/..;/video.mp4', PATH], ['/files%2fvideo.mp4', PATH], ['/files\\video.mp4', PATH],
    ['/files/video.mp4/', PATH], ['/files/video.mp4?x', PATH], ['/files/video.mp4#x', PATH], ['/files/video.mp4\0', PATH],
    ['/files/%76ideo%252emp4', PATH], ['/files/../*', PATH], ['/%2e%2e/*', PATH], ['//*', PATH], ['/files/**', PATH], ['/files/\ud800', PATH],
    ['/.*', PATH], ['.*', PATH], ['/files/video.???', PATH],
  ]) {
    row(`sub ${JSON.stringify(subject)} does not open ${path}`, ...sub(subject, path), 'deny', 'link_invalid')
  }
  for (const value of ['null', '1', 'true', '[]', '["/files/video.mp4"]', '{}', '["/*"]']) {
    deny(`sub is ${value}`, raw(HEADER, `{"sub":${value},"exp":${NOW + 9}}`))
  }
  deny('sub is missing', raw(HEADER, { exp: NOW + 9 }))
  const all = raw(HEADER, { ...CLAIMS, sub: '/files/*' })
  for (const path of ['/files/../secret', '/files/%2e%2e/secret', '/files/a/..;/b', '/files/a%2fb', '/files//a', '/files/a/', '/files/%252e%252e/x']) {
    row(`a prefix token and the hostile path ${path}`, inQuery(all, path), 'deny', 'path_invalid')
    row(`a prefix token in the path and the hostile path ${path}`, { url: `/~${all}${path}` }, 'deny', 'path_invalid')
  }

  // iss and aud
  const config = { issuer: 'https://issuer.example', audience: 'files' }
  const named = { iss: config.issuer, aud: config.audience }
  allow('issuer and audience of the route', claim(named), { config })
  allow('the audience among others', claim({ ...named, aud: ['x', 'files'] }), { config })
  allow('an issuer that nobody asked for', claim({ iss: 'x' }))
  for (const [what, members] of [
    ['no iss', { iss: undefined }], ['another iss', { iss: 'https://issuer.example/' }], ['iss in another case', { iss: 'HTTPS://issuer.example' }],
    ['iss as a list', { iss: [config.issuer] }], ['iss null', { iss: null }],
    ['no aud', { aud: undefined }], ['another aud', { aud: 'file' }], ['aud in another case', { aud: 'Files' }], ['an empty list as aud', { aud: [] }],
    ['aud null', { aud: null }], ['aud as an object', { aud: { files: true } }], ['aud as a nested list', { aud: [['files']] }], ['aud with a blank', { aud: 'files ' }],
  ]) {
    deny(`the route names issuer and audience, the token has ${what}`, claim({ ...named, ...members }), { config })
  }
  deny('aud for a route without an audience', claim({ aud: 'files' }))
  deny('aud null for a route without an audience', claim({ aud: null }))

  // constraints
  for (const text of [
    '"jti":"a"', '"ip":3232236033', '"ip":-1062731263', '"ip":"192.168.2.1"', '"ip":"3232236033"', '"ip":"192.168.0.0/16"', '"ip":[1,"10.0.0.0/8",3232236033]',
    '"max_parallel_downloads":1', '"anti_fraud":true', '"anti_fraud":false', '"streaming":true', '"filename":"\\u00fc b.mp4"', '"multi_use":false', '"rate":1000', '"autograph_tag":"t"', '"subject":"alice"',
    '"accessRules":[{"type":"ip.src","action":"allow","ip":["192.168.2.1"]},{"type":"any","action":"block"}]', '"accessRules":[{"type":"any","action":"allow"}]',
  ]) {
    allow(`the constraint ${text}`, claimText(text))
  }
  row('ip of another client', inQuery(claim({ ip: 1 })), 'deny', 'address_not_allowed')
  row('ip and an unknown client', inQuery(claim({ ip: 3232236033 })), 'deny', 'address_not_allowed', { clientIp: undefined })
  row('accessRules that block the client', inQuery(claim({ accessRules: [{ type: 'ip.src', action: 'block', ip: '192.168.0.0/16' }] })), 'deny', 'address_not_allowed')
  const byCountry = (action) => inQuery(claim({ accessRules: [{ type: 'ip.geoip.country', action, country: ['DE', 'GB'] }, { type: 'any', action: action === 'allow' ? 'block' : 'allow' }] }))
  row('accessRules that allow a country, and the client is there', byCountry('allow'), 'allow', undefined, { country: 'GB' })
  row('accessRules that allow a country, and the client is elsewhere', byCountry('allow'), 'deny', 'country_not_allowed', { country: 'US' })
  row('accessRules that block a country, and the client is there', byCountry('block'), 'deny', 'country_not_allowed', { country: 'DE' })
  row('accessRules that block a country, and the client is elsewhere', byCountry('block'), 'allow', undefined, { country: 'US' })
  row('accessRules that allow a country, and that of the client is unknown', byCountry('allow'), 'deny', 'country_not_allowed')
  row('accessRules that block a country, and that of the client is unknown', byCountry('block'), 'deny', 'country_not_allowed')
  const wrong = {
    jti: ['1', 'null', '""', '[]', '"a b"', '"\\u0000"'],
    ip: ['null', 'true', '[]', '{}', '""', '1.5', '4294967296', '-2147483649', '"1.2.3"', '"01"', '["x"]', '[[3232236033]]', '"192.168.2.1,10.0.0.1"', '[null]', '1e999'],
    max_parallel_downloads: ['0', '-1', '1.5', '"1"', 'null', 'true', '[1]', '1e999', '1e3', '{}'],
    anti_fraud: ['"true"', '1', 'null', '[]', '{}'],
    streaming: ['"true"', '1', '0', 'null', '[]', '{}'],
    filename: ['1', 'null', '""', '[]', '"a/b"', '"a\\\\b"', '".."', '"a\\nb"', '"\\ud800"', '{}'],
    autograph_tag: ['1', 'null', '""', '[]'],
    multi_use: ['"false"', '0', 'null', '[]', '{}'],
    rate: ['0', '-1', '1.5', '"1000"', 'null', 'true', '[]'],
    accessRules: ['null', '[]', '{}', '"any"', '[{}]', '[{"type":"","action":"allow"}]', '[{"type":"any"}]', '[{"type":"any","action":"permit"}]',
      '[{"type":"any","action":"allow","ip":["::/0"]}]', '[{"type":"ip.src","action":"allow"}]', '[{"type":"ip.src","action":"allow","ip":[]}]',
      '[{"type":"ip.src","action":"allow","ip":["x"]}]', '[{"type":"ip.src","action":"allow","ip":[1]}]', '[{"type":"ip.geoip.country","action":"allow","country":["de"]}]',
      '[{"type":"any","action":"allow","x":1}]', `[${Array(6).fill('{"type":"any","action":"allow"}').join(',')}]`, '[[]]', '[null]'],
    subject: ['1', 'null', '""', '[]', '{}', '"\\u0007"'],
  }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      deny(`the claim ${name} is ${value.length > 80 ? `${value.slice(0, 60)}…` : value}`, claimText(`"${name}":${value}`))
    }
  }
  return rows
}

function nextCharacter(character) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(character) + 1]
}

function flip(text, at) {
  return text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
}

/** An ECDSA signature r || s as the DER that other protocols carry. */
function derOf(signature) {
  const bytes = Buffer.from(signature, 'base64url')
  const integer = (part) => {
    let start = 0
    while (part[start] === 0) start++
    const trimmed = part.subarray(start)
    const value = trimmed[0] > 127 ? Buffer.concat([Buffer.alloc(1), trimmed]) : trimmed
    return Buffer.concat([Buffer.from([2, value.length]), value])
  }
  const content = Buffer.concat([integer(bytes.subarray(0, 32)), integer(bytes.subarray(32))])
  return Buffer.concat([Buffer.from([48, content.length]), content]).toString('base64url')
}
