/** Where the shared state is: one server, the Sentinels that know it, or nodes of a Cluster. */
export interface StateAddress {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly isTls: boolean
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  /** What the Sentinels call the server. */
  readonly master: string | undefined
  readonly database: number
  readonly username: string | undefined
  readonly password: string | undefined
}

const FORM =
  /^(redis|rediss|valkey|valkeys)(\+sentinel|\+cluster)?:\/\/(?:([^/]*)@)?([^/@?#]+)(?:\/([^?#]*))?$/
const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?::(\d{1,5}))?$/
const DEFAULT_PORT = { single: 6379, sentinel: 26_379, cluster: 6379 }

/**
 * Reads `redis://host`, `redis+sentinel://host,host/master` and `redis+cluster://host,host`; `rediss`
 * for TLS, `valkey` as another name of `redis`. A text says what is wrong, without the password.
 */
export function parseStateUrl(text: string): StateAddress | string {
  const found = FORM.exec(text)
  if (!found) {
    return 'expected redis://host:port, redis+sentinel://host:port,…/master or redis+cluster://host:port,…'
  }
  const [, scheme, form, login, list = '', path = ''] = found
  const kind = form === '+sentinel' ? 'sentinel' : form === '+cluster' ? 'cluster' : 'single'
  const hosts = list.split(',').map((entry) => parseHost(entry, DEFAULT_PORT[kind]))
  if (!hosts.every((host) => host !== undefined)) return 'has a host that is none, or a wrong port'
  if (kind === 'single' && hosts.length > 1) {
    return 'names several hosts: write redis+sentinel:// or redis+cluster://'
  }
  const segments = path === '' ? [] : path.split('/')
  const master = kind === 'sentinel' ? segments.shift() : undefined
  if (kind === 'sentinel' && !master) return 'must end with the name of the master, as /mymaster'
  const database = segments.shift() ?? '0'
  if (!/^\d{1,4}$/.test(database) || segments.length > 0) return 'has a path that is no database'
  if (kind === 'cluster' && database !== '0') return 'a Cluster has database 0 only'
  const credentials = parseLogin(login)
  if (!credentials) return 'has a user name or password that is not percent-encoded'
  return {
    kind,
    isTls: scheme === 'rediss' || scheme === 'valkeys',
    hosts,
    master,
    database: Number(database),
    ...credentials,
  }
}

function parseHost(
  text: string,
  defaultPort: number,
): { readonly host: string; readonly port: number } | undefined {
  const [, host, port = String(defaultPort)] = HOST.exec(text) ?? []
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function parseLogin(
  login: string | undefined,
): Pick<StateAddress, 'username' | 'password'> | undefined {
  if (login === undefined) return { username: undefined, password: undefined }
  const colon = login.indexOf(':')
  try {
    const username = decodeURIComponent(colon < 0 ? login : login.slice(0, colon))
    const password = colon < 0 ? '' : decodeURIComponent(login.slice(colon + 1))
    return { username: username || undefined, password: password || undefined }
  } catch {
    return undefined
  }
}
