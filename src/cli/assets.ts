import type { Command } from 'commander'
import { secondsOf, systemClock } from '../base/clock.ts'
import type { Asset } from '../catalogue/catalogue.ts'
import type { StateConfig } from '../config/state-schema.ts'
import { didYouMean } from '../config/suggestion.ts'
import { isWritable, type WritableOrigin } from '../origin/writable-origin.ts'
import { allAssets, scanAssets } from './asset-scan.ts'
import {
  type ConfigOptions,
  loadRuntime,
  stateConfigOf,
  withConfigOptions,
} from './config-options.ts'
import { CommandError, type Output } from './output.ts'
import { withCatalogue } from './stored-state.ts'

interface ScanOptions extends ConfigOptions {
  readonly prefix: string
  readonly pipelineId?: string
  readonly dryRun?: boolean
  readonly json?: boolean
}

/** `sluice assets scan|list`: the catalogue, also beside running gateways. */
export function assetsCommand(parent: Command, output: Output): void {
  const assets = parent
    .command('assets')
    .description('add the files of an origin to the catalogue, and list it')
    .addHelpText('after', '\nExample:\n  sluice assets scan library')
  withConfigOptions(assets.command('scan'))
    .description('add an asset for each file of a file origin that the catalogue does not know')
    .argument('<origin>', 'name of a file origin')
    .option('--prefix <folder>', 'only what lies in this folder', '')
    .option('--pipeline-id <id>', 'what callers name beside an object, for the new assets')
    .option('--dry-run', 'add nothing, only say what is new')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  sluice assets scan library\n  sluice assets scan library --prefix shows/ --dry-run --json',
    )
    .action((name: string, options: ScanOptions) => scan(name, options, output))
  withConfigOptions(assets.command('list'))
    .description('list the catalogue')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  sluice assets list --json')
    .action((options: ConfigOptions & { readonly json?: boolean }) => list(options, output))
}

async function scan(name: string, options: ScanOptions, output: Output): Promise<void> {
  const { prefix, pipelineId, dryRun = false, json = false } = options
  if (pipelineId === '') throw new CommandError('--pipeline-id: must not be empty', 2)
  const { state, origin } = placesOf(options, name)
  await withCatalogue(state, dryRun ? 'read' : 'write', async (catalogue) => {
    const { added, known, skipped } = await scanAssets({
      catalogue,
      origin,
      originName: name,
      prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
      pipelineId,
      now: secondsOf(systemClock),
      isDryRun: dryRun,
    })
    for (const object of skipped) {
      output.tell(`${JSON.stringify(object)} was skipped: no object can have this name`)
    }
    const result = { added: added.map(shown), known, skipped }
    if (json) output.print(JSON.stringify(result, null, 2))
    else output.print(`${added.length} ${dryRun ? 'to add' : 'added'}, ${known} known`)
  })
}

async function list(
  options: ConfigOptions & { readonly json?: boolean },
  output: Output,
): Promise<void> {
  await withCatalogue(stateConfigOf(options), 'read', async (catalogue) => {
    const listed: object[] = []
    for await (const asset of allAssets(catalogue)) {
      const { id, status, origin, object, members } = asset
      const what = members ? `${members.length} assets` : `${origin}: ${object}`
      if (options.json === true) listed.push(shown(asset))
      else output.print(`${id.padEnd(24)}  ${status.padEnd(10)}  ${what}`)
    }
    if (options.json === true) output.print(JSON.stringify(listed, null, 2))
  })
}

/** The state, and the origin of that name; it has to be one whose objects can be listed. */
function placesOf(
  options: ConfigOptions,
  name: string,
): { readonly state: StateConfig; readonly origin: WritableOrigin } {
  const runtime = loadRuntime(options)
  // a file origin goes on to work
  runtime.close()
  const origin = runtime.origins.get(name)
  if (!origin) {
    const hint = didYouMean(name, [...runtime.origins.keys()])
    throw new CommandError(`there is no origin ${name}${hint}`, 2)
  }
  if (!isWritable(origin)) {
    const message = `${name} is no file origin, but ${origin.kind}: only files can be listed`
    throw new CommandError(message, 2)
  }
  return { state: runtime.config.state, origin }
}

/** As the admin API writes it. */
function shown({ id, filename, origin, object, status, ...rest }: Asset): object {
  return {
    id,
    filename,
    origin: rest.members ? null : origin,
    object: rest.members ? null : object,
    pipeline_id: rest.pipelineId ?? null,
    require_signed: rest.requireSigned,
    status,
    created_at: rest.createdAt,
    ...(rest.members && { members: rest.members }),
  }
}
