import { GatewayError, messageOf } from '../base/failure.ts'

/** Answers that say that the server cannot count now, whatever it is asked. */
const UNUSABLE =
  /\b(?:READONLY|OOM|MISCONF|LOADING|MASTERDOWN|CLUSTERDOWN|NOAUTH|WRONGPASS|NOPERM|NOREPLICAS|BUSY|TRYAGAIN|UNKILLABLE)\b/
/** Mistakes in what was asked: the server is well. */
const MISTAKE = /^(?:ERR|WRONGTYPE|CROSSSLOT|NOSCRIPT)\b/

/** A failed call as what the gateway answers. The cause is a copy: errors of the client hold the arguments. */
export function stateFailure(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  return new GatewayError('ERR_STATE_UNAVAILABLE', 'the shared state does not answer', {
    cause: new Error(messageOf(error)),
  })
}

/** Whether a failed call says that the next one would fail as well. */
export function isOutage(error: unknown): boolean {
  const message = messageOf(error)
  return UNUSABLE.test(message) || !MISTAKE.test(message)
}

/** Whether the server is a replica: its master is elsewhere now. */
export function isReadOnly(error: unknown): boolean {
  return /\bREADONLY\b/.test(messageOf(error))
}

/** Settles as the promise does, or rejects when that takes too long. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${ms} ms`))
    }, ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
