import { createHash, createHmac, randomBytes } from 'node:crypto'

/** The address that the load comes from, and that pinned links are bound to. */
export const CLIENT = '127.0.0.1'

/** Signs a link to a path until an epoch second, bound to `client` where the format can; gives the request target. */
export type Sign = (path: string, expires: number, client?: string) => string

/** A secret as hex text: 32 characters are the 256 bits that HS256 asks for, and every config file can hold them. */
export function newSecret(): string {
  return randomBytes(16).toString('hex')
}

/** sluice-hmac by the formula of its specification, not by the product's own signer. */
export function hmacSigner(secret: string, kid: string): Sign {
  return (path, expires, client = CLIENT) => {
    const signed = `${path}?ip=${client}&Expires=${expires}&KeyId=${kid}`
    return `${signed}&Signature=${hmac(secret, signed)}`
  }
}

/** A JWT (HS256) whose `sub` is the path and whose `ip` is the client, as `?token=`. */
export function jwtSigner(secret: string, kid?: string): Sign {
  const header = base64Url({ alg: 'HS256', typ: 'JWT', ...(kid !== undefined && { kid }) })
  return (path, expires, client = CLIENT) => {
    const signed = `${header}.${base64Url({ sub: path, exp: expires, ip: client })}`
    return `${path}?token=${signed}.${hmac(secret, signed)}`
  }
}

/** The form that the Lua of our nginx checks: HMAC-SHA256 of path and expiry. */
export function luaSigner(secret: string): Sign {
  return (path, expires) => {
    const signed = `${path}?expires=${expires}`
    return `${signed}&signature=${hmac(secret, signed)}`
  }
}

/** The form that nginx's secure_link_md5 "$secure_link_expires$uri SECRET" checks. */
export function secureLinkSigner(secret: string): Sign {
  return (path, expires) => {
    const md5 = createHash('md5').update(`${expires}${path} ${secret}`).digest('base64url')
    return `${path}?expires=${expires}&md5=${md5}`
  }
}

function hmac(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url')
}

function base64Url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** An hour from now. */
export function inAnHour(): number {
  return Math.floor(Date.now() / 1000) + 3600
}

/** The same link with one character of its signature changed, which in all forms comes last. */
export function tampered(target: string): string {
  const at = target.length - 10
  return target.slice(0, at) + (target[at] === 'A' ? 'B' : 'A') + target.slice(at + 1)
}
