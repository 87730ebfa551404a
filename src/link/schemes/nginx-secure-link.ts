import { z } from 'zod'
import { defineScheme } from '../definition.ts'
import { whyNotExpression } from './nginx-expression.ts'
import { NginxMd5 } from './nginx-md5.ts'
import { NginxSecret } from './nginx-secret.ts'
import { compilePattern } from './pattern.ts'

const NAME = 'nginx-secure-link'

const options = z
  .strictObject({
    mode: z
      .enum(['md5', 'secret'])
      .default('md5')
      .describe('The directives: secure_link with secure_link_md5, or the old secure_link_secret.'),
    expression: z
      .string()
      .max(1024)
      .default('$secure_link_expires$uri$remote_addr $secret')
      .describe(
        'Of mode md5: what secure_link_md5 says, with $secret in place of the secret. Variables: $secure_link_expires, $uri, $remote_addr, $arg_NAME, $host, $scheme, $request_uri, and the groups of location.',
      ),
    location: z
      .string()
      .refine((text) => compilePattern(text) !== undefined, {
        error: 'must be a regular expression in the syntax of RE2, short of 1024 characters',
      })
      .optional()
      .describe(
        'Of mode md5: a regular expression that $uri must match, as of a `location ~`; its named groups are variables of the expression.',
      ),
    md5Param: z
      .string()
      .regex(/^\w+$/, { error: 'must be the plain name of a parameter' })
      .default('md5')
      .describe('Of mode md5: holds the hash.'),
    expiresParam: z
      .string()
      .min(1)
      .nullable()
      .default('expires')
      .describe('Of mode md5: holds the expiry; null where secure_link names none.'),
    prefix: z
      .string()
      .regex(/^\/(?:[\w.~-]+\/)+$/, { error: 'must begin and end with a slash' })
      .default('/p/')
      .describe('Of mode secret: the path before the hash.'),
    allowUnlimited: z
      .boolean()
      .default(false)
      .describe('Whether links without a signed expiry are taken, as all of mode secret are.'),
  })
  .superRefine((given, context) => {
    const message = whyNotExpression(given.expression, given.location)
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['expression'], message })
  })

/** The secure link module of nginx, in both of its forms. */
export const nginxSecureLink = defineScheme({
  name: NAME,
  algorithms: ['MD5'],
  options,
  marks: ({ mode, md5Param, expiresParam, prefix }) =>
    mode === 'secret'
      ? [`path ${prefix}md5`]
      : [expiresParam === null ? `query ${md5Param}` : `query ${md5Param}+${expiresParam}`],
  create: (given, { routePath = '/' }) =>
    given.mode === 'secret'
      ? new NginxSecret(NAME, { ...given, routePath })
      : new NginxMd5(NAME, given),
})
