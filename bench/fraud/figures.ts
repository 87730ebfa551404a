import { ABUSES } from './abuse.ts'
import { HABITS } from './habits.ts'
import type { Outcome, Outcomes } from './simulate.ts'

/** How honest users of one habit fared. */
export interface HonestFigures {
  readonly habit: string
  readonly users: number
  readonly downloads: number
  readonly refusedDownloads: number
  readonly refusedUsers: number
  /** Refused because the policy denies what they come through: no mistake of a rule. */
  readonly deniedByChoice: number
  /** Users by the reason of their first refusal that was no choice. */
  readonly reasons: Readonly<Record<string, number>>
}

/** How the cases of one kind of abuse fared. */
export interface AbuseFigures {
  readonly kind: string
  readonly cases: number
  readonly caught: number
  /** Within the first `SOON` downloads. */
  readonly caughtSoon: number
  /** Downloads that went before the first refusal, the median of the cases that were caught. */
  readonly untilCaught: number
  /** Share of the downloads that went, in all cases. */
  readonly through: number
  /** Bytes of them, the median of the cases. */
  readonly bytesThrough: number
}

export const SOON = 50

/** By habit; the last row is all of them. */
export function honestFigures(outcomes: Outcomes): HonestFigures[] {
  const honest = [...outcomes].filter(([{ isHonest }]) => isHonest)
  const ofKind = (habit: string): HonestFigures =>
    figuresOf(
      habit,
      honest.filter(([{ kind }]) => kind === habit).map(([, own]) => own),
    )
  const everyone = honest.map(([, own]) => own)
  return [...HABITS.map(({ name }) => ofKind(name)), figuresOf('all', everyone)]
}

function figuresOf(habit: string, users: readonly (readonly Outcome[])[]): HonestFigures {
  const reasons: Record<string, number> = {}
  let [refusedDownloads, refusedUsers, deniedByChoice, downloads] = [0, 0, 0, 0]
  for (const own of users) {
    downloads += own.length
    // none but those who use a VPN come through an anonymizer, unless the data is wrong about them
    const byChoice = own.filter(isByChoice)
    if (byChoice.length > 0) deniedByChoice++
    const refused = own.filter((one) => one.reason !== undefined && !isByChoice(one))
    refusedDownloads += refused.length
    const [first] = refused
    if (!first?.reason) continue
    refusedUsers++
    reasons[first.reason] = (reasons[first.reason] ?? 0) + 1
  }
  return {
    habit,
    users: users.length,
    downloads,
    refusedDownloads,
    refusedUsers,
    deniedByChoice,
    reasons,
  }
}

function isByChoice({ attempt, reason }: Outcome): boolean {
  return attempt.actor.kind === 'VPN' && reason === 'anonymizer_blocked'
}

export function abuseFigures(outcomes: Outcomes): AbuseFigures[] {
  return ABUSES.map(({ kind, caughtBy }) => {
    const cases = [...outcomes].filter(([actor]) => actor.kind === kind).map(([, own]) => own)
    const before = cases
      .map((own) => own.findIndex(({ reason = '' }) => caughtBy.includes(reason)))
      .filter((index) => index >= 0)
    const passed = cases.map((own) => own.filter(({ reason }) => reason === undefined))
    const bytes = passed.map((own) => own.reduce((sum, { attempt }) => sum + attempt.bytes, 0))
    return {
      kind,
      cases: cases.length,
      caught: before.length,
      caughtSoon: before.filter((index) => index < SOON).length,
      untilCaught: medianOf(before),
      through: passed.flat().length / cases.flat().length,
      bytesThrough: medianOf(bytes),
    }
  })
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN
}
