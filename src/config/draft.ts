import type { PathSegment } from './problem.ts'

/**
 * Reads from configuration data that may not have passed its schema, so that cross checks still run
 * beside other problems. What is absent or of the wrong kind is `undefined` or empty.
 */
export function valueAt(data: unknown, path: readonly PathSegment[]): unknown {
  let value = data
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment))
      return undefined
    value = (value as Record<PathSegment, unknown>)[segment]
  }
  return value
}

export function textAt(data: unknown, path: readonly PathSegment[]): string | undefined {
  const value = valueAt(data, path)
  return typeof value === 'string' ? value : undefined
}

export function numberAt(data: unknown, path: readonly PathSegment[]): number | undefined {
  const value = valueAt(data, path)
  return typeof value === 'number' ? value : undefined
}

export function itemsAt(data: unknown, path: readonly PathSegment[]): readonly unknown[] {
  const value = valueAt(data, path)
  return Array.isArray(value) ? value : []
}

export function keysAt(data: unknown, path: readonly PathSegment[]): readonly string[] {
  const value = valueAt(data, path)
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.keys(value)
    : []
}
