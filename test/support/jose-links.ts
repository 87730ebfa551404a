import {
  exportJWK,
  type GenerateKeyPairOptions,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
} from 'jose'

/** A key pair of npm `jose`: an independent signer of `sluice-jwt` links. */
export interface JoseSigner {
  /** For `TestGatewayOptions.keys`: the public half alone. */
  readonly jwk: object
  readonly kid: string
  /** The token alone; where it is carried is the test's business. */
  token(path: string, claims?: JWTPayload, header?: Record<string, unknown>): Promise<string>
}

export async function makeJoseSigner(
  alg = 'ES256',
  kid = `jose-${alg.toLowerCase()}`,
  members: object = {},
): Promise<JoseSigner> {
  const options: GenerateKeyPairOptions = { extractable: true }
  const { publicKey, privateKey } = await generateKeyPair(alg, options)
  return {
    kid,
    jwk: { ...(await exportJWK(publicKey)), kid, alg, schemes: ['sluice-jwt'], ...members },
    token: (path, { exp = Math.floor(Date.now() / 1000) + 3600, ...claims } = {}, header = {}) =>
      new SignJWT({ sub: path, exp, ...claims })
        .setProtectedHeader({ alg, kid, ...header })
        .sign(privateKey),
  }
}
