import type { Origin } from './origin.ts'

/** An origin that new objects can be put into. */
export interface WritableOrigin extends Origin {
  /**
   * A place to write a new object. Its file keeps what an earlier stage of the same name left, so that
   * a cut-off transfer can go on; under the object's own name nothing shows before `publish`.
   */
  stage(name: string): Promise<StagedObject>
  /** Removes an object; false when there is none. */
  remove(name: string): Promise<boolean>
  /** The local file of an object, for programs that read files; undefined when it is missing. */
  localFile(name: string): Promise<string | undefined>
  /** The names of all objects below a prefix that is empty or ends in a slash, in no order. */
  list(prefix: string): AsyncIterable<string>
}

/** A new object on its way. */
export interface StagedObject {
  /** The local file to write, on the origin's own file system. */
  readonly file: string
  /** Puts the file in its place, whole and at once; an older object of the name is replaced. */
  publish(): Promise<void>
  /** Throws the file away. Safe to call twice and after `publish`. */
  discard(): Promise<void>
}

export function isWritable(origin: Origin): origin is WritableOrigin {
  return 'stage' in origin
}
