import { Gate, type Setting } from './gate.ts'
import { type Actor, type Attempt, HOUR } from './timeline.ts'
import type { World } from './world.ts'

/** How one download went. */
export interface Outcome {
  readonly attempt: Attempt
  /** Why the first of its connections that was refused was refused. */
  readonly reason: string | undefined
}

/** The downloads of each actor in the order of time. */
export type Outcomes = ReadonlyMap<Actor, readonly Outcome[]>

/** Lets the week pass before a gateway of this setting. */
export async function simulate({ internet, attempts }: World, setting: Setting): Promise<Outcomes> {
  const gate = new Gate(internet, setting)
  const outcomes = new Map<Actor, Outcome[]>()
  let pruned = 0
  for (const { at, attempt, transfer } of eventsOf(attempts)) {
    if (at - pruned >= HOUR) gate.prune((pruned = at))
    if (!attempt) {
      transfer.end()
      continue
    }
    const reason = await transfer.begin(gate, attempt)
    const own = outcomes.get(attempt.actor)
    if (own) own.push({ attempt, reason })
    else outcomes.set(attempt.actor, [{ attempt, reason }])
  }
  return outcomes
}

/** The connections of one download. */
class Transfer {
  readonly #open: (() => void)[] = []

  /** Why one of them was refused, or undefined. */
  async begin(gate: Gate, attempt: Attempt): Promise<string | undefined> {
    let reason: string | undefined
    for (let i = 0; i < attempt.connections; i++) {
      const answer = await gate.ask(attempt, attempt.at)
      if ('leave' in answer) this.#open.push(answer.leave)
      else reason ??= answer.refusal.reason
    }
    return reason
  }

  end(): void {
    for (const leave of this.#open.splice(0)) leave()
  }
}

interface Event {
  readonly at: number
  readonly transfer: Transfer
  /** Of a beginning; undefined at the end of a transfer. */
  readonly attempt?: Attempt
}

function eventsOf(attempts: readonly Attempt[]): Event[] {
  return attempts
    .flatMap((attempt): Event[] => {
      const transfer = new Transfer()
      return [
        { at: attempt.at, transfer, attempt },
        { at: attempt.at + attempt.seconds, transfer },
      ]
    })
    .sort((x, y) => x.at - y.at)
}
