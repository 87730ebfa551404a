declare const epochSeconds: unique symbol
/** Whole seconds since 1970-01-01T00:00:00Z (RFC 7519 NumericDate, integers only). */
export type EpochSeconds = number & { readonly [epochSeconds]?: never }

/** The time, injected everywhere so that tests move it by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds that only go forward, for durations. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

/** The current second, rounded down. */
export function secondsOf(clock: Clock): EpochSeconds {
  return Math.floor(clock.now() / 1000)
}
