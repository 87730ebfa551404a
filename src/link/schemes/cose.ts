import { constants, createHmac, sign, verify } from 'node:crypto'
import { decodeBase64, equalBytes } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { Key } from '../key-ring.ts'
import { type CborMap, type CborValue, decodeCbor, encodeCbor, isMap, isTagged } from './cbor.ts'

/** The registered numbers (RFC 9053) of the algorithms that keys name. */
const ALGORITHMS = { HS256: 5, 'HS256/64': 4, ES256: -7, PS256: -37 } as const

export type CoseAlgorithm = keyof typeof ALGORITHMS

export const COSE_ALGORITHMS = Object.keys(ALGORITHMS) as [CoseAlgorithm, ...CoseAlgorithm[]]

const CWT_TAG = 61
/** RFC 9052 sections 4.2 and 6.2: the tag of a message, and the context string of what it signs. */
const MAC0 = { tag: 17, context: 'MAC0' } as const
const SIGN1 = { tag: 18, context: 'Signature1' } as const
const ALG = 1
const CRIT = 2
const KID = 4

/** A COSE_Mac0 or COSE_Sign1 message (RFC 9052), cut. Nothing that it says is proven yet. */
export interface CoseMessage {
  readonly alg: CoseAlgorithm
  readonly kid: string | undefined
  /** Whether the tag of a CWT (RFC 8392 section 6) is around it. */
  readonly isCwt: boolean
  /** What the signature is over: made of the bytes as received. */
  readonly signed: Buffer
  readonly signature: Buffer
  /** The claims; undefined when the payload is no map. */
  readonly claims: () => CborMap | undefined
}

/** The bytes of a token in base64url or standard base64, padded or not. */
export function decodeToken(text: string): Buffer | undefined {
  return decodeBase64(text, /[+/]/.test(text) ? 'base64' : 'base64url')
}

/** Cuts a message and reads its headers. */
export function readCose(bytes: Buffer): CoseMessage | Refusal {
  const whole = decodeCbor(bytes)
  const isCwt = isTagged(whole) && whole.tag === CWT_TAG
  const message = isCwt ? whole.value : whole
  if (!isTagged(message)) return malformed('the token is no tagged COSE message')
  const form = [MAC0, SIGN1].find(({ tag }) => tag === message.tag)
  if (!form) return malformed('the token is neither a COSE_Mac0 nor a COSE_Sign1')
  const [protectedBytes, free, payload, signature, ...more] = asArray(message.value)
  if (
    !Buffer.isBuffer(protectedBytes) ||
    !isMap(free) ||
    !Buffer.isBuffer(payload) ||
    !Buffer.isBuffer(signature) ||
    more.length > 0
  ) {
    return malformed('the COSE message is not headers, payload and signature')
  }
  const headers = readHeaders(protectedBytes, free)
  if ('reason' in headers) return headers
  const isMac = headers.alg.startsWith('HS')
  if (isMac !== (form === MAC0)) return malformed('alg does not fit the kind of message')
  return {
    ...headers,
    isCwt,
    signature,
    signed: toBeSigned(form.context, protectedBytes, payload),
    claims() {
      const claims = decodeCbor(payload)
      return isMap(claims) ? claims : undefined
    },
  }
}

/** RFC 9052 section 3.1: alg counts only where it is signed, and no label may stand in both maps. */
function readHeaders(
  protectedBytes: Buffer,
  free: CborMap,
): Pick<CoseMessage, 'alg' | 'kid'> | Refusal {
  const signed = decodeCbor(protectedBytes)
  if (!isMap(signed)) return malformed('the protected header is no map')
  if (signed.has(CRIT)) return malformed('the header carries crit')
  for (const label of free.keys()) {
    if (signed.has(label) || label === ALG || label === CRIT) {
      return malformed(`the header ${label} stands where it is not signed`)
    }
  }
  const alg = COSE_ALGORITHMS.find((name) => ALGORITHMS[name] === signed.get(ALG))
  if (!alg) return malformed('alg is missing or unknown')
  const kid = signed.get(KID) ?? free.get(KID)
  if (kid !== undefined && !Buffer.isBuffer(kid)) return malformed('kid is no byte string')
  return { alg, kid: kid?.toString('latin1') }
}

/** Whether the key signed the message. The algorithm is the key's, and the key of its kind. */
export function isCoseSignedBy({ alg, signed, signature }: CoseMessage, key: Key): boolean {
  const { verifyKey } = key
  if (key.alg !== alg) return false
  switch (alg) {
    case 'HS256':
    case 'HS256/64':
      return verifyKey.type === 'secret' && equalBytes(mac(alg, verifyKey, signed), signature)
    case 'ES256':
      return (
        verifyKey.asymmetricKeyType === 'ec' &&
        signature.length === 64 &&
        verify('sha256', signed, { key: verifyKey, dsaEncoding: 'ieee-p1363' }, signature)
      )
    case 'PS256':
      return (
        verifyKey.asymmetricKeyType === 'rsa' &&
        verify('sha256', signed, { key: verifyKey, ...PSS }, signature)
      )
    default:
      return alg satisfies never
  }
}

/** A CWT with both tags, `kid` unprotected as RFC 8392 appendix A has it; undefined without a private half. */
export function signCwt(claims: CborMap, { alg, kid, signKey }: Key): Buffer | undefined {
  const name = COSE_ALGORITHMS.find((known) => known === alg)
  if (!name || !signKey) return undefined
  const form = name.startsWith('HS') ? MAC0 : SIGN1
  const headers = encodeCbor(new Map([[ALG, ALGORITHMS[name]]]))
  const payload = encodeCbor(claims)
  const signed = toBeSigned(form.context, headers, payload)
  const signature = signBytes(name, signKey, signed)
  const free = new Map([[KID, Buffer.from(kid, 'latin1')]])
  const message = { tag: form.tag, value: [headers, free, payload, signature] }
  return encodeCbor({ tag: CWT_TAG, value: message })
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } as const

function signBytes(alg: CoseAlgorithm, signKey: Key['verifyKey'], signed: Buffer): Buffer {
  switch (alg) {
    case 'HS256':
    case 'HS256/64':
      return mac(alg, signKey, signed)
    case 'ES256':
      return sign('sha256', signed, { key: signKey, dsaEncoding: 'ieee-p1363' })
    case 'PS256':
      return sign('sha256', signed, { key: signKey, ...PSS })
    default:
      return alg satisfies never
  }
}

function mac(alg: 'HS256' | 'HS256/64', key: Key['verifyKey'], signed: Buffer): Buffer {
  const digest = createHmac('sha256', key).update(signed).digest()
  return alg === 'HS256' ? digest : digest.subarray(0, 8)
}

/** MAC_structure and Sig_structure, with no external data. */
function toBeSigned(context: string, headers: Buffer, payload: Buffer): Buffer {
  return encodeCbor([context, headers, Buffer.alloc(0), payload])
}

function asArray(value: CborValue): readonly CborValue[] {
  return Array.isArray(value) ? (value as readonly CborValue[]) : []
}

function malformed(detail: string): Refusal {
  return refuse('link_malformed', detail)
}
