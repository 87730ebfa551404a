/** The link formats of this version. */
export const SCHEME_NAMES = ['sluice-hmac', 'sluice-jwt'] as const

export type SchemeName = (typeof SCHEME_NAMES)[number]

/** Made at first start, a key for each: the native link formats, and the tags in delivered files. */
export const OWN_SCHEME_NAMES = [...SCHEME_NAMES, 'sluice-tag'] as const

/** Link formats that an API of `apis` serves; a route cannot name them. */
export const API_SCHEME_NAMES = ['cloudflare-stream'] as const

/** What keys may be for. */
export const KEY_SCHEME_NAMES = [...OWN_SCHEME_NAMES, ...API_SCHEME_NAMES] as const

export type KeySchemeName = (typeof KEY_SCHEME_NAMES)[number]

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
