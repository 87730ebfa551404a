import type { Address } from '../base/address.ts'
import type { NetworkFacts } from '../base/network-facts.ts'
import type { Policy } from '../policy/policy.ts'
import type { LoggedRequest } from './logged-request.ts'
import { type LineCounts, noLines, readLog } from './read-log.ts'
import { Replay } from './replay.ts'
import { type FateRows, Report } from './report.ts'
import type { PoliciesThen } from './then.ts'
import { inOrderOfStart, mergeByEnd } from './time-order.ts'
import { visiblePart } from './unseen.ts'

export interface BacktestOptions {
  readonly policy: Policy
  /** What is known of networks today. */
  readonly factsOf: (address: Address) => NetworkFacts
  readonly policiesThen: PoliciesThen
  /** Names of logs, and how to open one. */
  readonly logs: readonly string[]
  readonly open: (name: string) => AsyncIterable<Buffer>
  /** Epoch milliseconds. What came before `since` is replayed for what it leaves behind, and not reported. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  /** Only requests that the policy of this name judged. */
  readonly judgedBy?: string | undefined
  /** Links to name for each reason. */
  readonly top: number
}

/** What a policy would have done to a log; printed as it is with `--json`. */
export interface BacktestResult extends FateRows {
  readonly policy: string
  readonly logs: readonly string[]
  readonly lines: LineCounts
  /** Requests that the options leave out. */
  readonly left_out: number
  /** Requests that came later than the window in which they are put in order. */
  readonly out_of_order: number
  readonly judged: number
  readonly period: { readonly from: string; readonly to: string } | null
  readonly notes: readonly string[]
}

/** Replays logs under a policy. */
export async function backtest(options: BacktestOptions): Promise<BacktestResult> {
  const { logs, open, since = -Infinity, until = Infinity, judgedBy } = options
  const { policy, notes } = visiblePart(options.policy)
  const lines = noLines()
  const replay = new Replay(policy, options.factsOf, options.policiesThen)
  const report = new Report()
  let leftOut = 0
  let outOfOrder = 0
  let latest = -Infinity
  for await (const request of inOrderOfStart(
    mergeByEnd(logs.map((name) => readLog(name, open, lines))),
  )) {
    if (request.start < latest) outOfOrder++
    else latest = request.start
    if (isLeftOut(request)) {
      leftOut++
      continue
    }
    const judgement = await replay.judge(request)
    if (request.start >= since) report.add(request, judgement)
    else leftOut++
  }
  return {
    policy: policy.name,
    logs,
    lines,
    left_out: leftOut,
    out_of_order: outOfOrder,
    judged: report.judged,
    period: report.period,
    ...report.rows(options.top),
    notes,
  }

  function isLeftOut(request: LoggedRequest): boolean {
    return request.start >= until || (judgedBy !== undefined && request.policy !== judgedBy)
  }
}
