/** What a worker does that is started with a digest of this name; with any other it does as it should. */
export const SCRIPTS = {
  refusesRevocations: 'refuses revocations',
  keepsItsConfiguration: 'keeps its configuration',
  doesNotStart: 'does not start',
  /** At the first revocation. */
  diesTalking: 'dies talking',
} as const
