import { join } from 'node:path'
import type { Command } from 'commander'
import { messageOf } from '../base/failure.ts'
import { formatProblem, loadConfig } from '../config/load.ts'
import { checkList } from './check-list.ts'
import { checkAudit } from '../record/audit-log.ts'
import { type ConfigOptions, sourcesOf, withConfigOptions } from './config-options.ts'
import { CommandError, type Output, paint } from './output.ts'

/** `sluice check`: every problem of config, policies, keys and lists at once. */
export function checkCommand(parent: Command, output: Output): void {
  withConfigOptions(parent.command('check'))
    .description('validate config, policies, keys and lists: every problem at once')
    .option('--audit <file>', 'check the hash chain of an audit file instead')
    .addHelpText(
      'after',
      `
Problems are written as file:line:column: path: message. Exit status: 0 or 1.

Examples:
  sluice check
  sluice check --config /etc/sluice/gateway.yaml
  sluice check --audit data/audit.jsonl`,
    )
    .action((options: ConfigOptions & { readonly audit?: string }) => {
      const sound =
        options.audit === undefined ? check(options, output) : audit(options.audit, output)
      process.exitCode = sound ? 0 : 1
    })
}

function check(options: ConfigOptions, output: Output): boolean {
  const { config, warnings, policies, keys, lists, ...loaded } = loadConfig(sourcesOf(options))
  const directory = join(config?.state.directory ?? '', 'lists')
  const stored = Object.entries(lists).map(([name, list]) => checkList(name, list, directory))
  const problems = [...loaded.problems, ...stored.flatMap((list) => list.problems)]
  for (const warning of warnings)
    output.tell(`${paint('yellow', 'warning', process.stderr)} ${formatProblem(warning)}`)
  for (const problem of problems) output.print(formatProblem(problem))
  if (problems.length > 0) {
    const count = `${problems.length} problem${problems.length === 1 ? '' : 's'}`
    output.tell(paint('red', count, process.stderr))
    return false
  }
  output.print(
    `${paint('green', 'ok')}  ${options.config}: ${policies.size} policies, ${keys.length} keys, ${stored.length} lists`,
  )
  for (const { shown } of stored) output.print(`    ${shown}`)
  return true
}

function audit(file: string, output: Output): boolean {
  let result: ReturnType<typeof checkAudit>
  try {
    result = checkAudit(file)
  } catch (error) {
    throw new CommandError(`--audit: ${messageOf(error)}`, 1)
  }
  for (const problem of result.problems) output.print(`${file}: ${problem}`)
  if (result.problems.length > 0) return false
  output.print(`${paint('green', 'ok')}  ${file}: ${result.entries} entries, the chain holds`)
  return true
}
