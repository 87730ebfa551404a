import { GatewayError } from '../base/failure.ts'

/**
 * What the file system says of a name that leads to no file. A file that may not be read is not among
 * them: that is a mistake of the operator, who sees it in the log as ERR_ORIGIN_READ.
 */
const MISSING = new Set([
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'EINVAL',
  'ENXIO',
  'ENODEV',
])

/** Whether a call of the file system failed because its path leads to no file. */
export function leadsNowhere(error: NodeJS.ErrnoException): boolean {
  return MISSING.has(error.code ?? '')
}

export function unreadable(error: NodeJS.ErrnoException): GatewayError {
  return new GatewayError('ERR_ORIGIN_READ', `the file cannot be opened (${error.code})`, {
    cause: error,
  })
}

export function unwritable(error: NodeJS.ErrnoException): GatewayError {
  return new GatewayError('ERR_ORIGIN_WRITE', `the file cannot be written (${error.code})`, {
    cause: error,
  })
}
