import { createHmac } from 'node:crypto'
import { type CborMap, type CborValue, encodeCbor } from '../../src/link/schemes/cbor.ts'

export interface CwtParts {
  readonly headers?: CborMap
  readonly free?: CborMap
  /** In place of the encoded claims. */
  readonly payload?: CborValue
  readonly tag?: number
  /** The tag of a CWT around it; default: there. */
  readonly isCwt?: boolean
  readonly secret?: Buffer
  /** Of the MAC; default: all of it. */
  readonly bytes?: number
}

/** The bytes of a COSE_Mac0 message, its MAC made by `node:crypto` over RFC 9052's structure. */
export function macedCwt(claims: CborMap, parts: CwtParts = {}): Buffer {
  const {
    headers = new Map([[1, 5]]),
    free = new Map([[4, Buffer.from('k1')]]),
    payload = encodeCbor(claims),
    tag = 17,
    isCwt = true,
    secret = Buffer.alloc(32, 1),
    bytes = 32,
  } = parts
  const encoded = encodeCbor(headers)
  const signed = encodeCbor(['MAC0', encoded, Buffer.alloc(0), payload])
  const mac = createHmac('sha256', secret).update(signed).digest().subarray(0, bytes)
  const message = { tag, value: [encoded, free, payload, mac] }
  return encodeCbor(isCwt ? { tag: 61, value: message } : message)
}
