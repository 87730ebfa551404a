/** The rows of sluice-hmac.json. Every refused row is a good link with the one change that its name states. */
export async function hmacRows({ NOW, hmac }) {
  const KEYS = {
    k1: '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff',
    k2: 'ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100',
  }
  const PATH = '/files/video.mp4'
  const END = `Expires=${NOW + 3600}`
  const KEY = 'KeyId=k1'
  const rows = []

  /** A link signed by the documented formula. */
  const link = (query, path = PATH, key = 'k1') => {
    const signed = `${path}?${query}`
    return `${signed}&Signature=${hmac(KEYS[key], signed)}`
  }
  const row = (name, url, expect, code, more = {}) =>
    rows.push({
      name,
      format: 'sluice-hmac',
      origin: { kind: 'independent', signedBy: 'openssl dgst -mac HMAC' },
      keys: Object.entries(KEYS).map(([id, value]) => ({ id, type: 'secret', encoding: 'hex', alg: 'HS256', value })),
      method: 'GET',
      url,
      clientIp: '192.168.2.1',
      now: NOW,
      expect,
      ...(code !== undefined && { code }),
      ...more,
    })
  const allow = (name, url, more) => row(name, url, 'allow', undefined, more)
  const deny = (name, url, more) => row(name, url, 'deny', 'link_invalid', more)
  const good = link(`${END}&${KEY}`)
  const signature = good.slice(good.lastIndexOf('=') + 1)
  const signed = good.slice(0, good.indexOf('&Signature='))

  allow('a plain link', good)
  allow('the same link for HEAD', good, { method: 'HEAD' })
  allow('an absolute request target', `http://files.example${good}`)
  allow('another key of the ring', link(`${END}&KeyId=k2`, PATH, 'k2'))
  allow('KeyId before Expires, signed so', link(`${KEY}&${END}`))
  allow('a percent-encoded space in the path', link(`${END}&${KEY}`, '/files/a%20b.mp4'))
  allow('UTF-8 in the path', link(`${END}&${KEY}`, '/files/%C3%BCber/%E6%97%A5.mp4'))
  allow('lower-case hex in the path, signed so', link(`${END}&${KEY}`, '/files/%c3%bcber.mp4'))
  allow('an encoded letter in the path, signed so', link(`${END}&${KEY}`, '/files/%61.mp4'))
  allow('sub-delims in the path', link(`${END}&${KEY}`, "/files/a!$&'()*+,;=:@~-._b.mp4"))
  allow('&Signature= within the path', link(`${END}&${KEY}`, '/files/a&Signature=b.mp4'))

  // time
  allow('the last second', good, { now: NOW + 3599 })
  row('the second of Expires', good, 'deny', 'link_expired', { now: NOW + 3600 })
  row('long after Expires', good, 'deny', 'link_expired', { now: NOW + 1e6 })
  row('Expires=0', link(`Expires=0&${KEY}`), 'deny', 'link_expired')
  allow('nbf in this second', link(`nbf=${NOW}&${END}&${KEY}`))
  row('nbf in the next second', link(`nbf=${NOW + 1}&${END}&${KEY}`), 'deny', 'link_not_yet_valid')
  for (const [what, value] of [
    ['empty', ''],
    ['signed with a plus', `%2B${NOW + 3600}`],
    ['with a raw plus', `+${NOW + 3600}`],
    ['negative', '-1'],
    ['with a leading zero', `0${NOW + 3600}`],
    ['a fraction', `${NOW + 3600}.5`],
    ['with an exponent', '18e8'],
    ['hexadecimal', '0x6b49d200'],
    ['padded with a space', `${NOW + 3600}%20`],
    ['percent-encoded', `%31${String(NOW + 3600).slice(1)}`],
    ['in milliseconds', `${(NOW + 3600) * 1000}`],
    ['of 16 digits', '1000000000000000'],
    ['more than ten years ahead', `${NOW + 11 * 365 * 86400}`],
    ['NaN', 'NaN'],
    ['Infinity', 'Infinity'],
    ['a date', '2027-01-15T08:00:00Z'],
    ['in Arabic digits', '%D9%A1%D9%A8'],
  ]) {
    deny(`Expires ${what}`, link(`Expires=${value}&${KEY}`))
  }
  deny('Expires missing', link(KEY))
  deny('Expires in lower case', link(`expires=${NOW + 3600}&${KEY}`))

  // the signature and what stands around it
  const last = signature.at(-1)
  const flipped = (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1)
  deny('the first character of the signature changed', `${signed}&Signature=${flipped}`)
  deny('a signature of 42 characters', good.slice(0, -1))
  deny('a byte appended to the signature', `${good}A`)
  deny('the signature padded', `${good}=`)
  deny('the signature padded, encoded', `${good}%3D`)
  deny('the signature with a percent-encoded character', `${good.slice(0, -1)}%${last.charCodeAt(0).toString(16)}`)
  deny('non-zero trailing bits in the signature', good.slice(0, -1) + nextCharacter(last))
  deny('the signature in hex', `${signed}&Signature=${Buffer.from(signature, 'base64url').toString('hex')}`)
  deny('the signature of the other key', `${signed}&Signature=${hmac(KEYS.k2, signed)}`)
  deny('HMAC-SHA512 cut to 32 bytes', `${signed}&Signature=${Buffer.from(hmac(KEYS.k1, signed, 'sha512'), 'base64url').subarray(0, 32).toString('base64url')}`)
  deny('the hex digits of the key as the key', `${signed}&Signature=${hmac(Buffer.from(KEYS.k1).toString('hex'), signed)}`)
  deny('signed with the &Signature= mark', `${signed}&Signature=${hmac(KEYS.k1, `${signed}&Signature=`)}`)
  deny('signed with scheme and host', `${signed}&Signature=${hmac(KEYS.k1, `http://files.example${signed}`)}`)
  deny('the path alone signed', `${signed}&Signature=${hmac(KEYS.k1, PATH)}`)
  deny('an empty signature', `${signed}&Signature=`)
  deny('32 zero bytes as signature', `${signed}&Signature=${'A'.repeat(43)}`)
  deny('KeyId without a Signature', signed)
  deny('nothing but a Signature', `${PATH}?Signature=${signature}`)
  deny('Signature in front', `${PATH}?Signature=${signature}&${END}&${KEY}`)
  deny('the same Signature twice', `${good}&Signature=${signature}`)
  deny('a wrong Signature behind the right one', `${good}&Signature=${flipped}`)
  deny('a wrong Signature before the right one', `${signed}&Signature=${flipped}&Signature=${signature}`)
  deny('a Signature within what is signed', link(`${END}&${KEY}&Signature=${signature}`))
  allow('utm_source behind the Signature', `${good}&utm_source=mail`)
  allow('several ignored parameters behind the Signature', `${good}&utm_source=a&fbclid=b&gclid=c&utm_source=d`)
  allow('an ignored parameter within what is signed', link(`utm_source=x&${END}&${KEY}`))
  deny('an ignored parameter put in front of a signed link', good.replace('?', '?utm_source=x&'))
  deny('a constraint behind the Signature', `${good}&streaming=true`)
  deny('Expires behind the Signature', `${good}&Expires=${NOW + 99999}`)
  deny('an unknown parameter behind the Signature', `${good}&x=1`)
  deny('an ampersand behind the Signature', `${good}&`)
  deny('a fragment behind the Signature', `${good}#x`)
  deny('a refused parameter behind an ignored one', `${good}&utm_source=a&ip=1`)

  // the key
  deny('no such key', link(`${END}&KeyId=k3`))
  deny('no KeyId', link(END))
  deny('an empty KeyId', link(`${END}&KeyId=`))
  deny('KeyId with a traversal', link(`${END}&KeyId=../k1`))
  deny('KeyId percent-encoded', link(`${END}&KeyId=%6b1`))
  deny('KeyId in upper case', link(`${END}&KeyId=K1`))
  deny('__proto__ as KeyId', link(`${END}&KeyId=__proto__`))
  deny('KeyId of another key than signed', good.replace(KEY, 'KeyId=k2'))
  deny('KeyId twice', link(`${END}&${KEY}&${KEY}`))
  deny('two different KeyIds, signed with the first', link(`${KEY}&${END}&KeyId=k2`))
  deny('two different KeyIds, signed with the second', link(`${KEY}&${END}&KeyId=k2`, PATH, 'k2'))

  // parameters
  deny('Expires twice', link(`${END}&${END}&${KEY}`))
  deny('Expires twice with different values', link(`${END}&Expires=${NOW + 9}&${KEY}`))
  deny('ip twice', link(`ip=3232236033&ip=3232236033&${END}&${KEY}`))
  deny('an ignored parameter twice within what is signed', link(`utm_a=1&utm_a=2&${END}&${KEY}`))
  deny('an unknown parameter', link(`max_downloads=1&${END}&${KEY}`))
  deny('a constraint in upper case', link(`IP=3232236033&${END}&${KEY}`))
  deny('a percent-encoded parameter name', link(`%69p=3232236033&${END}&${KEY}`))
  deny('__proto__ as parameter', link(`__proto__=1&${END}&${KEY}`))
  deny('an empty parameter', link(`&${END}&${KEY}`))
  deny('a token beside', link(`token=x&${END}&${KEY}`))
  deny('Expires raised', good.replace(END, `Expires=${NOW + 9999}`))
  deny('reordered', `${PATH}?${KEY}&${END}&Signature=${signature}`)
  deny('a constraint removed', link(`ip=1&${END}&${KEY}`).replace('ip=1&', ''))
  deny('a constraint added', good.replace('?', '?streaming=true&'))
  deny('a semicolon instead of an ampersand', good.replace('&', ';'))
  deny('a second question mark', good.replace('?', '??'))
  deny('a raw non-ASCII byte in the query', link(`filename=\u00c3\u00bc.mp4&${END}&${KEY}`))
  deny('a raw space in the query', link(`filename=a b.mp4&${END}&${KEY}`))

  // the path
  for (const [what, url] of [
    ['another file', good.replace('video', 'other')],
    ['a letter percent-encoded', good.replace('video', 'v%69deo')],
    ['another case', good.replace('video', 'Video')],
    ['one more segment', good.replace('video.mp4', 'video.mp4/x')],
    ['a path parameter', good.replace('video.mp4', 'video.mp4;x=1')],
  ]) {
    deny(`the path changed after signing: ${what}`, url)
  }
  const spaced = link(`${END}&${KEY}`, '/files/a%20b.mp4')
  deny('an encoded space turned into a plus', spaced.replace('%20', '+'))
  const hex = link(`${END}&${KEY}`, '/files/%c3%bc.mp4')
  deny('hex digits turned to upper case', hex.replace('%c3%bc', '%C3%BC'))
  const paren = link(`${END}&${KEY}`, '/files/a(1).mp4')
  deny('a parenthesis encoded', paren.replace('(1)', '%281%29'))
  for (const path of [
    '/files/../secret.mp4',
    '/files/./video.mp4',
    '/files/%2e%2e/secret.mp4',
    '/files/.%2E/secret.mp4',
    '/files/..;/secret.mp4',
    '/files/..%3bx/secret.mp4',
    '/files//video.mp4',
    '/files/video.mp4/',
    '/files/a%2fb.mp4',
    '/files/a%5cb.mp4',
    '/files/a\\b.mp4',
    '/files/a%00.mp4',
    '/files/a%0d%0a.mp4',
    '/files/a%7f.mp4',
    '/files/%252e%252e/secret.mp4',
    '/files/%25%32%65/secret.mp4',
    '/files/%c0%ae%c0%ae/secret.mp4',
    '/files/a%.mp4',
    '/files/a%zz.mp4',
    '/files/%ff.mp4',
    '/files/%ed%a0%80.mp4',
  ]) {
    row(`a hostile path, signed: ${path}`, link(`${END}&${KEY}`, path), 'deny', 'path_invalid')
  }

  // ip
  const from = (value) => link(`ip=${value}&${END}&${KEY}`)
  for (const [what, value, clientIp] of [
    ['as unsigned integer', '3232236033'],
    ['as negative integer', '-1062731263'],
    ['as 0', '0', '0.0.0.0'],
    ['as -1', '-1', '255.255.255.255'],
    ['as 4294967295', '4294967295', '255.255.255.255'],
    ['as -2147483648', '-2147483648', '128.0.0.0'],
    ['dotted', '192.168.2.1'],
    ['as CIDR', '192.168.2.0/24'],
    ['as CIDR with host bits', '192.168.2.77/24'],
    ['as CIDR, encoded slash', '192.168.2.0%2F24'],
    ['as v6 address', '2001:db8::1', '2001:db8::1'],
    ['as v6 address, encoded colons', '2001%3Adb8%3A%3A1', '2001:db8:0:0:0:0:0:1'],
    ['as v6 CIDR', '2001:db8::/32', '2001:db8:ffff::1'],
    ['as mapped v4 address', '::ffff:192.168.2.1'],
    ['for a mapped client', '3232236033', '::ffff:192.168.2.1'],
    ['as list, the first', '192.168.2.1,10.0.0.0/8'],
    ['as list, the last', '10.0.0.0/8,2001:db8::1,3232236033'],
    ['as list, encoded comma', '10.0.0.0%2F8%2C3232236033'],
    ['of 64 entries', [...Array(63).fill('10.0.0.1'), '192.168.2.1'].join(',')],
  ]) {
    allow(`ip ${what}`, from(value), clientIp === undefined ? {} : { clientIp })
  }
  for (const [what, value, clientIp] of [
    ['of another client', '3232236034', '192.168.2.1'],
    ['dotted, of another client', '192.168.2.2', '192.168.2.1'],
    ['a CIDR beside the client', '192.168.3.0/24', '192.168.2.1'],
    ['a v6 CIDR for a v4 client', '::/0', '192.168.2.1'],
    ['a v4 CIDR for a v6 client', '0.0.0.0/0', '2001:db8::1'],
    ['and the client is unknown', '3232236033', undefined],
  ]) {
    row(`ip ${what}`, from(value), 'deny', 'address_not_allowed', { clientIp })
  }
  for (const value of [
    '', '01', '03232236033', '4294967296', '-2147483649', '-0', '+1', '1.0', '1e3', '0xc0a80201',
    '192.168.2', '192.168.2.1.1', '192.168.02.1', '192.168.2.256', '0300.0250.02.01', '192.168.2.1%20',
    '192.168.2.0/33', '192.168.2.0/024', '192.168.2.0/', '192.168.2.0/-1', '192.168.2.1:80',
    '2001:db8::/129', '2001:db8::1::2', '[2001:db8::1]', 'fe80::1%25eth0', 'localhost',
    '192.168.2.1,', ',192.168.2.1', '192.168.2.1,,10.0.0.1', '192.168.2.1, 10.0.0.1', '192.168.2.1;10.0.0.1',
    '*', 'null', '[]', Array(65).fill('192.168.2.1').join(','), '%FF',
  ]) {
    deny(`ip that is none: ${value.length > 40 ? `${value.split(',').length} entries` : value}`, from(value))
  }

  // the other constraints
  const say = (text) => link(`${text}&${END}&${KEY}`)
  for (const text of [
    'jti=abc-123', 'max_parallel_downloads=1', 'anti_fraud=true', 'anti_fraud=false', 'streaming=true', 'streaming=false',
    'multi_use=true', 'multi_use=false', 'rate=1', 'autograph_tag=t', 'subject=alice', 'subject=a+b%20c', 'subject=a%2Bb',
    'filename=a%20b.mp4', 'filename=a+b.mp4', 'filename=%E6%97%A5.mp4', 'filename=%2e%2e%2e',
    'accessRules=%5B%7B%22type%22%3A%22ip.src%22%2C%22action%22%3A%22allow%22%2C%22ip%22%3A%5B%22192.168.0.0%2F16%22%5D%7D%2C%7B%22type%22%3A%22any%22%2C%22action%22%3A%22block%22%7D%5D',
    `iat=${NOW}`,
  ]) {
    allow(`a constraint: ${text.slice(0, 60)}`, say(text))
  }
  for (const text of [
    'jti=', 'jti=a%20b', `jti=${'x'.repeat(129)}`, 'max_parallel_downloads=0', 'max_parallel_downloads=-1',
    'max_parallel_downloads=1.5', 'max_parallel_downloads=', 'max_parallel_downloads', 'max_parallel_downloads=01',
    'anti_fraud=1', 'anti_fraud=TRUE', 'autograph_tag=',
    'streaming=yes', 'streaming=', 'streaming', 'multi_use=0', 'multi_use=False', 'multi_use=false+',
    'rate=0', 'rate=1e6', 'rate=+1', 'subject=', 'subject=%0A', `subject=${'x'.repeat(256)}`, 'subject=%ff',
    'filename=', 'filename=..', 'filename=.', 'filename=a%2Fb', 'filename=a%5Cb', 'filename=a%0Ab', 'filename=%00',
    `filename=${'x'.repeat(256)}`, 'filename=%', 'filename=%u00fc', 'nbf=', 'nbf=-1', 'nbf=1.5', 'iat=x',
    'accessRules=', 'accessRules=%5B%5D', 'accessRules=%7B%7D', 'accessRules=any',
    'accessRules=%5B%7B%22type%22%3A%22any%22%2C%22action%22%3A%22maybe%22%7D%5D',
  ]) {
    deny(`a constraint that is none: ${text.length > 60 ? `${text.slice(0, 20)}… of ${text.length}` : text}`, say(text))
  }
  row('no query', PATH, 'deny', 'link_missing')
  row('an empty query', `${PATH}?`, 'deny', 'link_missing')
  row('Signature in lower case', `${PATH}?${END}&signature=${signature}`, 'deny', 'link_missing')
  return rows
}

/** Another spelling of the same bytes: the unused low bits of the last character set. */
function nextCharacter(character) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(character) + 1]
}
