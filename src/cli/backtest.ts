import { parse } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { backtest, type BacktestResult } from '../backtest/backtest.ts'
import { openLog, UnreadableLog } from '../backtest/read-log.ts'
import { reportLines } from '../backtest/report-text.ts'
import { secondsOf, systemClock } from '../base/clock.ts'
import { policySurroundings } from '../config/check-policy.ts'
import { loadPolicy } from '../config/load-policies.ts'
import { formatProblem } from '../config/load.ts'
import type { Runtime } from '../gateway/runtime.ts'
import { compilePolicy } from '../policy/compile-policy.ts'
import type { Policy } from '../policy/policy.ts'
import {
  type ConfigOptions,
  loadRuntime,
  stateConfigOf,
  withConfigOptions,
} from './config-options.ts'
import { parseDuration, parseInstant } from './duration.ts'
import { CommandError, type Output } from './output.ts'
import { openStoredState } from './stored-state.ts'

interface BacktestOptions extends ConfigOptions {
  readonly policy: string
  readonly log: readonly string[]
  readonly since?: string
  readonly until?: string
  readonly judgedBy?: string
  readonly limit: number
  readonly json?: boolean
}

/** `sluice backtest --policy F --log F`: whom another policy would have refused. */
export function backtestCommand(parent: Command, output: Output): void {
  withConfigOptions(parent.command('backtest'))
    .description(
      'replay an access log against another policy: who would have been refused, and why',
    )
    .requiredOption('--policy <file>', 'the policy to try')
    .requiredOption(
      '--log <file>',
      'an access log, also .gz, or - for standard input; may be repeated',
      (name: string, before: string[] | undefined) => [...(before ?? []), name],
    )
    .option(
      '--since <time>',
      'report requests from then on: a date with time, or 7d for a week ago',
    )
    .option('--until <time>', 'replay requests before then')
    .option('--judged-by <name>', 'only requests that the policy of this name judged')
    .option('--limit <n>', 'links to name for each reason', parseLimit, 20)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The rules are those of the gateway, with the lists and the network data of the configuration as they
are today. Nothing is changed. Exit status: 0 a report, 2 the policy or the log cannot be used.

Examples:
  sluice backtest --policy strict.yaml --log access.jsonl
  sluice backtest --policy strict.yaml --log access.jsonl.1.gz --log access.jsonl --since 7d
  zcat access.jsonl.*.gz | sluice backtest --policy strict.yaml --log - --json`,
    )
    .action(async (options: BacktestOptions) => {
      const result = await run(options)
      for (const line of linesOf(result, options.json === true)) output.print(line)
    })
}

async function run(options: BacktestOptions): Promise<BacktestResult> {
  const state = await openStoredState(stateConfigOf(options))
  try {
    const runtime = loadRuntime(options, (list) => state.entries.of(list))
    return await runOn(runtime, options)
  } finally {
    await state.close()
  }
}

async function runOn(runtime: Runtime, options: BacktestOptions): Promise<BacktestResult> {
  try {
    const result = await backtest({
      policy: readPolicy(options.policy, runtime),
      factsOf: (address) => runtime.sources.factsOf(address),
      policiesThen: (name) => runtime.policies.get(name),
      logs: options.log,
      open: openLog,
      since: instantOf('--since', options.since),
      until: instantOf('--until', options.until),
      judgedBy: options.judgedBy,
      top: options.limit,
    })
    const { records, unreadable, named } = result.lines
    if (records === 0 && unreadable > 0) {
      throw new CommandError(['--log: no line is an access record', ...named].join('\n'), 2)
    }
    return result
  } catch (error) {
    if (error instanceof UnreadableLog) throw new CommandError(`--log: ${error.message}`, 2)
    throw error
  } finally {
    runtime.close()
  }
}

/** Problems are those that `sluice check` would name if the file lay among the policies. */
function readPolicy(file: string, { config, sources }: Runtime): Policy {
  const { policy, problems } = loadPolicy(file, policySurroundings(config))
  if (!policy) throw new CommandError(problems.map(formatProblem).join('\n'), 2)
  return compilePolicy(parse(file).name, policy, sources)
}

function linesOf(result: BacktestResult, json: boolean): string[] {
  return json
    ? [JSON.stringify(result, null, 2)]
    : reportLines(result, process.stdout.isTTY ? process.stdout.columns : Infinity)
}

function instantOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ago = parseDuration(text)
  const second =
    parseInstant(text) ?? (ago === undefined ? undefined : secondsOf(systemClock) - ago)
  if (second === undefined) throw new CommandError(`${option}: ${text} is not understood`, 2)
  return second * 1000
}

function parseLimit(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a whole number.')
}
