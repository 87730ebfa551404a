import type { z } from 'zod'
import type { Scheme } from './scheme.ts'

/** What a scheme is told besides its options. */
export interface Surroundings {
  /** Parameters that may be added to any link (`utm_*` …). */
  readonly isIgnored: (parameter: string) => boolean
  /** The path of the route, plain, with a slash at both ends; default `/`. */
  readonly routePath?: string
}

/** A link format as configuration sees it: declared once, by the file of the scheme. */
export interface SchemeDefinition<Options extends z.ZodObject = z.ZodObject> {
  readonly name: string
  /** The `alg` of keys that it can use; new keys are made for the first. */
  readonly algorithms: readonly [string, ...string[]]
  /** The options of an entry of `schemes`, besides its name; all have defaults or are optional. */
  readonly options: Options
  /**
   * What tells its links from others, as `query token+expires`: two schemes of one route that share a
   * mark could not be told apart.
   */
  readonly marks: (options: z.output<Options>) => readonly string[]
  readonly create: (options: z.output<Options>, surroundings: Surroundings) => Scheme
}

/** Infers the options from the declaration. */
export function defineScheme<Options extends z.ZodObject>(
  definition: SchemeDefinition<Options>,
): SchemeDefinition {
  // a scheme is made only of what its own schema has read
  return definition
}
