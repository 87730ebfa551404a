import { styleText } from 'node:util'

/** Where a command writes: results to one stream, messages to the other. */
export interface Output {
  /** A line of the result, on standard output. */
  print(line: string): void
  /** A line for the person, on standard error. */
  tell(line: string): void
}

export const terminal: Output = {
  print: (line) => {
    process.stdout.write(`${line}\n`)
  },
  tell: (line) => {
    process.stderr.write(`${line}\n`)
  },
}

type Colour = 'green' | 'red' | 'yellow' | 'dim' | 'bold'

/** Coloured where `stream` is a terminal; NO_COLOR and its kin are honoured by node. */
export function paint(
  colour: Colour,
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  return styleText(colour, text, { stream })
}

/** A reader that has seen enough, as `head`, is no failure, and must not end a running gateway. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}

/** A command that cannot do its work: the message is for the person, the code for the shell. */
export class CommandError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.name = 'CommandError'
    this.exitCode = exitCode
  }
}
