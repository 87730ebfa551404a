import type { Key } from '../link/key-ring.ts'
import type { KeyMaterial } from './key-material.ts'

/** The key that links are signed and verified with. */
export function keyOf(material: KeyMaterial): Key {
  const { secret, privateKey, publicKey, use, issuer } = material
  const verifyKey = secret ?? publicKey
  if (!verifyKey) throw new Error(`the key ${material.kid} has no half that verifies`)
  return {
    kid: material.kid,
    alg: material.alg,
    schemes: new Set(material.schemes),
    notBefore: material.notBefore,
    retireAt: material.retireAt,
    verifyKey,
    signKey: secret ?? privateKey,
    ...(use !== undefined && { use }),
    ...(issuer !== undefined && { issuer }),
  }
}
