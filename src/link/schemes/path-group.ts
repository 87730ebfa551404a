import { z } from 'zod'
import { escapePattern } from '../../base/escape-pattern.ts'

/** A piece of a path, and where it begins. */
export interface PathGroup {
  readonly text: string
  readonly start: number
}

/** Finds group 1 of an operator's pattern in paths. */
export function pathGroup(pattern: string): (path: string) => PathGroup | undefined {
  // d: with the places of groups
  const expression = new RegExp(pattern, 'd')
  return (path) => {
    const match = expression.exec(path)
    const start = match?.indices?.[1]?.[0]
    return start === undefined ? undefined : { text: match?.[1] ?? '', start }
  }
}

/** A pattern whose group 1 is what stands first below a route; `rest` is how it ends. */
export function firstBelow(routePath: string, rest: string): string {
  return `^${escapePattern(routePath)}${rest}`
}

/** An option that is such a pattern. */
export const groupPattern = z.string().refine(hasGroup, {
  error: 'expected a regular expression with a group ( )',
})

function hasGroup(pattern: string): boolean {
  try {
    // the empty alternative matches everything, and a match has a place for every group
    return (new RegExp(`${pattern}|`).exec('')?.length ?? 0) > 1
  } catch {
    return false
  }
}
