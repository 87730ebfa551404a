import type { Command } from 'commander'
import { recallFrom } from '../http/recall.ts'
import { type Inspection, inspectLink } from '../operator/inspect-link.ts'
import type { TraceEntry } from '../policy/decide.ts'
import {
  type ConfigOptions,
  deskOf,
  loadRuntime,
  stateConfigOf,
  withConfigOptions,
} from './config-options.ts'
import { parseInstant } from './duration.ts'
import { CommandError, type Output, paint } from './output.ts'
import { openStoredState } from './stored-state.ts'

interface InspectOptions extends ConfigOptions {
  readonly asIp?: string
  readonly at?: string
  readonly method?: string
  readonly header: readonly string[]
  readonly json?: boolean
}

const EXIT = { permit: 0, deny: 1, unusable: 2 } as const

/** `sluice inspect URL`: what a link is, what it proves, and rule by rule why it would be let in or refused. */
export function inspectCommand(parent: Command, output: Output): void {
  withConfigOptions(parent.command('inspect'))
    .description('say what a link is and, rule by rule, why it would be let in or refused')
    .argument('<url>', 'the link, or its path and query')
    .option('--as-ip <address>', 'as this client; without it rules see an unknown address')
    .option('--at <time>', 'at this time: epoch seconds or a date; default: now')
    .option('--method <method>', 'with this method', 'GET')
    .option(
      '--header <name:value>',
      'with this request header; may be repeated',
      (text: string, before: string[]) => [...before, text],
      [] as string[],
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Exit status: 0 the link would be let in, 1 refused, 2 it cannot be used at all.

Examples:
  sluice inspect "$URL" --as-ip 203.0.113.7
  sluice inspect "$URL" --at 2026-12-24T18:00:00Z`,
    )
    .action(async (url: string, options: InspectOptions) => {
      const inspection = await inspect(url, options)
      if (options.json === true) output.print(JSON.stringify(inspection, null, 2))
      else for (const line of describe(inspection)) output.print(line)
      process.exitCode = EXIT[inspection.decision]
    })
}

async function inspect(url: string, options: InspectOptions): Promise<Inspection> {
  const time = options.at === undefined ? undefined : parseInstant(options.at)
  if (options.at !== undefined && time === undefined) {
    throw new CommandError(`--at: ${options.at} is not understood`, 2)
  }
  const headers = Object.fromEntries(options.header.map(parseHeader))
  const state = await openStoredState(stateConfigOf(options))
  try {
    const runtime = loadRuntime(options, (list) => state.entries.of(list))
    const recall = recallFrom(state.links, state.revocations)
    const inspection = await inspectLink(deskOf(runtime), recall, {
      url,
      as: { ip: options.asIp, time, method: options.method, headers },
    })
    runtime.close()
    return inspection
  } finally {
    await state.close()
  }
}

function parseHeader(text: string): [string, string] {
  const colon = text.indexOf(':')
  if (colon < 1) throw new CommandError(`--header: ${text} is no name:value`, 2)
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]
}

function* describe(inspection: Inspection): Generator<string> {
  const { decision, link, proves, network, hints, trace } = inspection
  const colour = decision === 'permit' ? 'green' : 'red'
  const why = [inspection.code, inspection.detail].filter((part) => part !== null).join(': ')
  yield `${paint(colour, decision)}${why === '' ? '' : `  ${why}`}`
  if (inspection.route !== null)
    yield `route      ${inspection.route} with policy ${inspection.policy}`
  if (link) yield `link       ${link.scheme}, carried in the ${link.carrier}`
  for (const [name, value] of Object.entries(proves ?? {})) {
    yield `  ${name.padEnd(24)} ${typeof value === 'string' ? value : JSON.stringify(value)}`
  }
  if (network) yield `client     ${describeNetwork(network)}`
  if (trace.length > 0) yield 'rules'
  for (const entry of trace)
    yield `  ${mark(entry)} ${entry.rule.padEnd(19)} ${entry.detail ?? ''}`.trimEnd()
  if (link && !proves && link.canonical !== null) yield `signed     ${link.canonical}`
  for (const hint of hints) yield `hint       ${hint}`
}

function describeNetwork(network: NonNullable<Inspection['network']>): string {
  const { country, asn, anonymizers } = network
  const place = country === null ? 'in an unknown country' : `in ${country}`
  return [place, asn === null ? 'in an unknown AS' : `in AS${asn}`, ...anonymizers].join(', ')
}

function mark({ outcome }: TraceEntry): string {
  switch (outcome) {
    case 'pass':
      return paint('green', 'pass   ')
    case 'observe':
      return paint('yellow', 'observe')
    case 'slow':
      return paint('yellow', 'slow   ')
    case 'refuse':
      return paint('red', 'refuse ')
    default:
      return outcome satisfies never
  }
}
