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

/** Coloured on a terminal alone; NO_COLOR and its kin are honoured by node. */
export function paint(colour: Colour, text: string): string {
  return styleText(colour, text, { stream: process.stdout })
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
