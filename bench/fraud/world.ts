import { abusiveDownloads } from './abuse.ts'
import { honestDownloads } from './honest.ts'
import { Internet } from './internet.ts'
import { Random } from './random.ts'
import { type Attempt, END } from './timeline.ts'

/** How large a world is, and which of its kind. */
export interface WorldSize {
  readonly users: number
  /** Of each kind of abuse. */
  readonly cases: number
  readonly seed: number
}

/** A week of the synthetic world: its networks, and every download in the order of time. */
export interface World {
  readonly internet: Internet
  readonly attempts: readonly Attempt[]
}

export function buildWorld({ users, cases, seed }: WorldSize): World {
  const random = new Random(seed)
  const internet = new Internet(random)
  const attempts = [
    ...abusiveDownloads(internet, cases, random),
    ...honestDownloads(internet, users, random),
  ]
  const within = attempts.filter(({ at }) => at < END).sort((x, y) => x.at - y.at)
  return { internet, attempts: within }
}
