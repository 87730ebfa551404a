import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { messageOf } from '../base/failure.ts'
import { replayVector, type Vector } from '../operator/replay-vector.ts'
import { CommandError, type Output, paint } from './output.ts'

/** `sluice vectors FILE…`: replays link test vectors through the gateway's own verifier and rules. */
export function vectorsCommand(parent: Command, output: Output): void {
  parent
    .command('vectors')
    .description('replay link test vectors through the verifier and rules of the gateway')
    .argument('<file...>', 'JSON lists of vectors')
    .addHelpText(
      'after',
      `
Prints each failure and "N passed, N failed". Exit status: 0 or 1.

Example:
  sluice vectors test/vectors/*.json`,
    )
    .action((files: readonly string[]) => {
      let passed = 0
      let failed = 0
      for (const file of files) {
        for (const vector of read(file)) {
          const failure = replay(vector)
          if (failure === undefined) passed++
          else {
            failed++
            output.print(`${paint('red', 'failed')} ${vector.format} ${vector.name}: ${failure}`)
          }
        }
      }
      output.print(`${passed} passed, ${failed} failed`)
      process.exitCode = failed === 0 ? 0 : 1
    })
}

/** A vector that is none, or that holds a key which is none, fails alone. */
function replay(vector: Vector): string | undefined {
  try {
    return replayVector(vector)
  } catch (error) {
    return `cannot be replayed: ${messageOf(error)}`
  }
}

function read(file: string): readonly Vector[] {
  try {
    const vectors: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (Array.isArray(vectors)) return vectors as Vector[]
  } catch (error) {
    throw new CommandError(`${file}: ${messageOf(error)}`, 2)
  }
  throw new CommandError(`${file}: is no list of vectors`, 2)
}
