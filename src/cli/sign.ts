import type { Command } from 'commander'
import { CONSTRAINT_NAMES, type ConstraintName } from '../link/constraints.ts'
import { type MintedLink, mintLink } from '../operator/mint-link.ts'
import { type ConfigOptions, deskOf, loadRuntime, withConfigOptions } from './config-options.ts'
import { parseDuration, parseInstant } from './duration.ts'
import { CommandError, type Output } from './output.ts'

interface SignOptions extends ConfigOptions {
  readonly scheme?: string
  readonly expiresIn?: string
  readonly expiresAt?: string
  readonly json?: boolean
  readonly [constraint: string]: unknown
}

const ABOUT: Record<Exclude<ConstraintName, 'iat'>, string> = {
  jti: 'id of the link; default: random',
  nbf: 'not valid before this time',
  ip: 'address, CIDR or 32-bit integer that may use the link; several comma-separated',
  max_parallel_downloads: 'downloads at the same time',
  anti_fraud: 'turn anti-fraud on or off; default: the policy',
  streaming: 'show in the browser instead of saving',
  filename: 'name under which the file is saved',
  autograph_tag: 'tag in the delivered MP4, PDF or ZIP: easily stripped, no watermark',
  multi_use: 'false: the link works for one download',
  rate: 'bytes a second, for all connections together',
  accessRules: "rules in Cloudflare's form, as JSON",
  subject: 'who the link is for',
}

const BOOLEANS: readonly ConstraintName[] = ['anti_fraud', 'streaming', 'multi_use']

/** `sluice sign PATH`: prints a signed URL. */
export function signCommand(parent: Command, output: Output): void {
  const command = withConfigOptions(parent.command('sign'))
    .description('print a signed URL')
    .argument('<path>', 'path as in the URL, percent-encoded; a prefix ends in /*')
    .option('--scheme <name>', "link format; default: the route's first")
    .option('--expires-in <duration>', 'lifetime, as 90, 15m, 1h or 7d; default: the policy')
    .option('--expires-at <time>', 'epoch seconds, or a date as 2026-12-24T18:00:00Z')
    .option('--json', 'print the whole answer of the admin API as JSON')
    .addHelpText(
      'after',
      `
Examples:
  sluice sign /files/demo.mp4
  sluice sign /files/demo.mp4 --expires-in 1h --ip 203.0.113.7 --max-parallel-downloads 2
  sluice sign '/files/season-1/*' --scheme sluice-jwt --subject alice
  curl -OJ "$(sluice sign /files/demo.mp4)"`,
    )
  for (const name of CONSTRAINT_NAMES) {
    if (name === 'iat') continue
    const value = BOOLEANS.includes(name) ? '[true|false]' : '<value>'
    command.option(`--${flagOf(name)} ${value}`, ABOUT[name])
  }
  command.action((path: string, options: SignOptions) => {
    sign(path, options, output)
  })
}

/** `--streaming /files/a`: a path after a flag that may stand alone is the path, not its value. */
export function separatePath(args: readonly string[]): string[] {
  const flags = BOOLEANS.map((name) => `--${flagOf(name)}`)
  return args.map((arg, i) =>
    flags.includes(arg) && args[i + 1]?.startsWith('/') ? `${arg}=true` : arg,
  )
}

function sign(path: string, options: SignOptions, output: Output): void {
  const runtime = loadRuntime(options)
  const constraints: Record<string, string> = {}
  for (const name of CONSTRAINT_NAMES) {
    const value = options[optionOf(name)]
    if (value === undefined) continue
    const text = value === true ? 'true' : (value as string)
    constraints[name] = name === 'nbf' ? String(parsed(text, parseInstant, '--nbf')) : text
  }
  const minted = mintLink(
    deskOf(runtime),
    {
      path,
      scheme: options.scheme,
      expires_in: parsed(options.expiresIn, parseDuration, '--expires-in'),
      expires_at: parsed(options.expiresAt, parseInstant, '--expires-at'),
      ...constraints,
    },
    'text',
  )
  runtime.close()
  if ('field' in minted) {
    throw new CommandError(`${labelOf(minted.field)}: ${minted.message}`, 2)
  }
  if (options.json === true) output.print(JSON.stringify(minted, null, 2))
  else for (const line of describe(minted)) output.print(line)
}

/** The URL, and the request headers that a client sends with it, one a line. */
function* describe({ url, cookies = {}, headers = {} }: MintedLink): Generator<string> {
  yield url
  const pairs = Object.entries(cookies).map(([name, value]) => `${name}=${value}`)
  if (pairs.length > 0) yield `Cookie: ${pairs.join('; ')}`
  for (const [name, value] of Object.entries(headers)) yield `${name}: ${value}`
}

function parsed(
  text: string | undefined,
  parse: (text: string) => number | undefined,
  flag: string,
): number | undefined {
  if (text === undefined) return undefined
  const value = parse(text)
  if (value === undefined) throw new CommandError(`${flag}: ${text} is not understood`, 2)
  return value
}

function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replaceAll('_', '-')
}

/** How commander names the option of a flag. */
function optionOf(name: string): string {
  return flagOf(name).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function labelOf(field: string): string {
  return field === 'path' ? 'path' : `--${flagOf(field)}`
}
