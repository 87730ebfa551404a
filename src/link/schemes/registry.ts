import type { SchemeDefinition } from '../definition.ts'
import { akamaiEdgeAuth } from './akamai-edgeauth.ts'
import { atsUrlSig } from './ats-url-sig.ts'
import { alibabaCdn } from './alibaba-cdn.ts'
import { azureSas } from './azure-sas.ts'
import { cloudflareImages } from './cloudflare-images.ts'
import { cloudflareHmac } from './cloudflare-hmac.ts'
import { cat } from './cat.ts'
import { cdniUriSigning } from './cdni-uri-signing.ts'
import { dashIfWmt } from './dashif-wmt.ts'
import { bunny } from './bunny.ts'
import { cloudflareStream } from './cloudflare-stream.ts'
import { cloudfrontCookie } from './cloudfront-cookie.ts'
import { cloudfrontUrl } from './cloudfront-url.ts'
import { fastlyToken } from './fastly-token.ts'
import { gcdn } from './gcdn.ts'
import { mediacdn } from './mediacdn.ts'
import { gcsV2 } from './gcs-v2.ts'
import { gcsV4 } from './gcs-v4.ts'
import { gcore } from './gcore.ts'
import { imagekit } from './imagekit.ts'
import { imgix } from './imgix.ts'
import { imgproxy } from './imgproxy.ts'
import { keycdn } from './keycdn.ts'
import { laravelSignedUrl } from './laravel-signed-url.ts'
import { s3SigV2 } from './s3-sigv2.ts'
import { s3SigV4 } from './s3-sigv4.ts'
import { lighttpdSecdownload } from './lighttpd-secdownload.ts'
import { muxJwt } from './mux-jwt.ts'
import { nginxSecureLink } from './nginx-secure-link.ts'
import { edgecastEctoken } from './edgecast-ectoken.ts'
import { sluiceHmac } from './sluice-hmac.ts'
import { sluiceJwt } from './sluice-jwt.ts'
import { swiftTempUrl } from './swift-tempurl.ts'
import { tencentCdn } from './tencent-cdn.ts'
import { wowzaSecureToken } from './wowza-securetoken.ts'

/** Every link format. The native ones come first. */
export const SCHEMES: readonly SchemeDefinition[] = [
  sluiceHmac,
  sluiceJwt,
  cloudflareStream,
  cloudflareHmac,
  muxJwt,
  azureSas,
  swiftTempUrl,
  s3SigV4,
  s3SigV2,
  gcsV4,
  gcsV2,
  cloudfrontUrl,
  cloudfrontCookie,
  gcdn,
  mediacdn,
  akamaiEdgeAuth,
  bunny,
  edgecastEctoken,
  cdniUriSigning,
  cat,
  dashIfWmt,
  nginxSecureLink,
  lighttpdSecdownload,
  atsUrlSig,
  keycdn,
  gcore,
  fastlyToken,
  alibabaCdn,
  tencentCdn,
  wowzaSecureToken,
  cloudflareImages,
  laravelSignedUrl,
  imgix,
  imagekit,
  imgproxy,
]

export const NATIVE_SCHEMES: readonly string[] = [sluiceHmac.name, sluiceJwt.name]

export function schemeDefinition(name: string): SchemeDefinition | undefined {
  return SCHEMES.find((definition) => definition.name === name)
}
