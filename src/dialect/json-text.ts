import type { ApiText } from '../http/api.ts'

/** An answer in JSON. */
export function jsonText(
  status: number,
  body: unknown,
  more: Pick<ApiText, 'headers' | 'reason' | 'kid'> = {},
): ApiText {
  return {
    kind: 'text',
    status,
    mediaType: 'application/json',
    body: JSON.stringify(body),
    ...more,
  }
}
