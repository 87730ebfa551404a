/** The link formats that routes and keys may name in this version. */
export const SCHEME_NAMES = ['sluice-hmac', 'sluice-jwt'] as const

export type SchemeName = (typeof SCHEME_NAMES)[number]

/** The formats of link-formats.md that are refused by name. */
export const LATER_SCHEME_NAMES = [
  's3-sigv4',
  's3-sigv2',
  'cloudfront-url',
  'cloudfront-cookie',
  'gcdn',
  'mediacdn',
  'gcs-v4',
  'gcs-v2',
  'azure-sas',
  'akamai-edgeauth',
  'edgecast-ectoken',
  'cloudflare-stream',
  'cloudflare-hmac',
  'cdni-uri-signing',
  'cat',
  'dashif-wmt',
  'bunny',
  'nginx-secure-link',
  'lighttpd-secdownload',
  'ats-url-sig',
  'keycdn',
  'gcore',
  'fastly-token',
  'alibaba-cdn',
  'tencent-cdn',
  'wowza-securetoken',
  'cloudflare-images',
  'laravel-signed-url',
  'imgix',
  'imagekit',
  'imgproxy',
  'swift-tempurl',
  'mux-jwt',
] as const
