import { Command, CommanderError } from 'commander'
import { version } from '../gateway/version.ts'
import { assetsCommand } from './assets.ts'
import { backtestCommand } from './backtest.ts'
import { checkCommand } from './check.ts'
import { inspectCommand } from './inspect.ts'
import { keysCommand } from './keys.ts'
import { CommandError, type Output, outliveReaders, terminal } from './output.ts'
import { serveCommand } from './serve.ts'
import { separatePath, signCommand } from './sign.ts'
import { traceCommand } from './trace.ts'
import { vectorsCommand } from './vectors.ts'

/** Commands that are planned and that this version lacks. */
const LATER = {
  top: 'live downloads in the terminal',
}

/** Runs one command line and returns the exit status. Bad usage is 2. */
export async function run(args: readonly string[], output: Output = terminal): Promise<number> {
  outliveReaders()
  const program = new Command('sluice')
    .description('Download-link security and signing gateway')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(sluice --help explains)')
    .addHelpText(
      'after',
      `
A first look:
  npm start                            a gateway over examples/library, with two links to try
  sluice sign /files/demo.mp4          another link
  sluice inspect "$URL"                why a link is let in or refused`,
    )
  serveCommand(program, output)
  signCommand(program, output)
  inspectCommand(program, output)
  checkCommand(program, output)
  keysCommand(program, output)
  assetsCommand(program, output)
  traceCommand(program, output)
  vectorsCommand(program, output)
  backtestCommand(program, output)
  for (const [name, about] of Object.entries(LATER)) {
    program
      .command(name)
      .description(`${about} (not built yet)`)
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        throw new CommandError(`${name} is not built yet`, 2)
      })
  }
  try {
    process.exitCode = 0
    await program.parseAsync(separatePath(args), { from: 'user' })
    return process.exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (!(error instanceof CommandError)) throw error
    output.tell(error.message)
    return error.exitCode
  }
}
