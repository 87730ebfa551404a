/** The most that is reported of work that is not over. */
const BEFORE_THE_END = 99.9

/** Reads what `ffmpeg -progress` writes, and reports a percentage that never falls. */
export class ProgressReader {
  readonly #duration: number | undefined
  readonly #onProgress: (percent: number) => void
  #rest = ''
  #last = 0

  /** `duration` of the source in seconds; without it there is nothing to report. */
  constructor(duration: number | undefined, onProgress: (percent: number) => void) {
    this.#duration = duration
    this.#onProgress = onProgress
  }

  push(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#read(line)
  }

  #read(line: string): void {
    const microseconds = /^out_time_us=(\d+)$/.exec(line)?.[1]
    if (microseconds === undefined || this.#duration === undefined) return
    const share = Number(microseconds) / 1e6 / this.#duration
    const percent = Math.min(Math.floor(share * 1000) / 10, BEFORE_THE_END)
    if (percent <= this.#last) return
    this.#last = percent
    this.#onProgress(percent)
  }
}
