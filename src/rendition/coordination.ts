/** Keeps the nodes that work on the same renditions and tasks out of each other's way. */
export interface Coordination {
  /** Runs short work of the same key one after the other, on all nodes. */
  alone<T>(key: string, work: () => Promise<T>): Promise<T>
  /**
   * Does long work that no other node does meanwhile, and resolves at its end; false without doing it
   * when another has it. The work's signal is aborted with the one given, and when another node has
   * taken the work over or ended it.
   */
  claim(
    name: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<boolean>
  /** Whether another node, or this one, does the work of the name now. */
  isClaimed(name: string): Promise<boolean>
  /** Ends the work of the name on other nodes, soon; this node's own is its caller's to end. */
  end(name: string): Promise<void>
}
