import {
  type Address,
  addressFromInteger,
  addressFromWords,
  parseAddress,
} from '../base/address.ts'

/** What stands at the beginning of a connection that speaks the PROXY protocol. */
export type ProxyHeader =
  | { readonly outcome: 'incomplete' }
  | { readonly outcome: 'invalid'; readonly why: string }
  /** `source` is undefined for LOCAL and UNKNOWN: the proxy speaks for itself. */
  | { readonly outcome: 'read'; readonly length: number; readonly source: Address | undefined }

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const V1_LIMIT = 107
const V2_LIMIT = 16 + 2048

/** Reads a PROXY header, version 1 or 2 (HAProxy's proxy-protocol.txt, sections 2.1 and 2.2). */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const compared = Math.min(bytes.length, SIGNATURE.length)
  if (bytes.compare(SIGNATURE, 0, compared, 0, compared) === 0) {
    return bytes.length < 16 ? { outcome: 'incomplete' } : readV2(bytes)
  }
  return readV1(bytes)
}

function readV1(bytes: Buffer): ProxyHeader {
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, V1_LIMIT))
  if (!'PROXY '.startsWith(text.slice(0, 6))) return invalid('no PROXY header')
  const end = text.indexOf('\r\n')
  if (end < 0) {
    return text.length < V1_LIMIT ? { outcome: 'incomplete' } : invalid('the PROXY line has no end')
  }
  const words = text.slice(0, end).split(' ')
  const length = end + 2
  if (words[1] === 'UNKNOWN') return { outcome: 'read', length, source: undefined }
  const source = parseAddress(words[2] ?? '')
  const target = parseAddress(words[3] ?? '')
  const v6 = words[1] === 'TCP6'
  if (words.length !== 6 || (!v6 && words[1] !== 'TCP4') || !source || !target) {
    return invalid('the PROXY line is malformed')
  }
  if (!isPort(words[4]) || !isPort(words[5])) return invalid('the PROXY line has a wrong port')
  if ([words[2], words[3]].some((word) => v6 !== (word ?? '').includes(':')))
    return invalid('the PROXY line mixes families')
  return { outcome: 'read', length, source }
}

function readV2(bytes: Buffer): ProxyHeader {
  const version = (bytes[12] ?? 0) >> 4
  const command = (bytes[12] ?? 0) & 15
  const family = (bytes[13] ?? 0) >> 4
  const size = bytes.readUInt16BE(14)
  const length = 16 + size
  if (version !== 2 || command > 1) return invalid('the PROXY header has an unknown version')
  if (length > V2_LIMIT) return invalid('the PROXY header is too long')
  if (bytes.length < length) return { outcome: 'incomplete' }
  if (command === 0 || family === 0) return { outcome: 'read', length, source: undefined }
  if (family === 1 && size >= 12) {
    return { outcome: 'read', length, source: addressFromInteger(bytes.readUInt32BE(16)) }
  }
  if (family === 2 && size >= 36) {
    const word = (i: number): number => bytes.readUInt32BE(16 + 4 * i)
    const source = addressFromWords(word(0), word(1), word(2), word(3))
    return { outcome: 'read', length, source }
  }
  return invalid('the PROXY header has no usable address')
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535
}

function invalid(why: string): ProxyHeader {
  return { outcome: 'invalid', why }
}
