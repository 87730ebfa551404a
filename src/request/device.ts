import { shortDigest } from '../base/bytes.ts'
import { headerValue, readHeaders, type RequestHeaders } from './request-headers.ts'

const FIELDS = [
  'user-agent',
  'accept-language',
  'accept-encoding',
  'sec-ch-ua',
  'sec-ch-ua-platform',
]

/** The signature of a client that says nothing of itself. */
export const NO_DEVICE = 'none'

/** Requests are asked several times, by rules and for the record. */
const known = new WeakMap<RequestHeaders, string>()

/**
 * What a client's program says of itself, as 12 hex digits; `NO_DEVICE` where it says nothing. Anyone can
 * write these fields, so equal signatures prove nothing, and different ones little.
 */
export function deviceOf(headers: RequestHeaders): string {
  let device = known.get(headers)
  if (device === undefined) known.set(headers, (device = signature(headers)))
  return device
}

function signature(headers: RequestHeaders): string {
  const values = FIELDS.map((name) => headerValue(headers, name) ?? '')
  return values.every((value) => value === '') ? NO_DEVICE : shortDigest(values.join('\n'))
}

/** The fields of a request of which no more than its device was written down. */
export function headersOfDevice(device: string): RequestHeaders {
  const headers = readHeaders([])
  known.set(headers, device)
  return headers
}
