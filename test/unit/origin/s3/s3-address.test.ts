import { describe, expect, it } from 'vitest'
import { encodeS3Key, s3Address, type S3Place } from '../../../../src/origin/s3/s3-address.ts'

function address(place: Partial<S3Place>): string {
  const { base, path } = s3Address({ region: 'eu-central-1', bucket: 'media', ...place })
  return base.origin + path
}

describe('the address of a bucket', () => {
  it.each([
    ['AWS', {}, 'https://media.s3.eu-central-1.amazonaws.com/'],
    ['AWS in China', { region: 'cn-north-1' }, 'https://media.s3.cn-north-1.amazonaws.com.cn/'],
    [
      'AWS, with dots, which no certificate covers in a host',
      { bucket: 'media.example.com' },
      'https://s3.eu-central-1.amazonaws.com/media.example.com/',
    ],
    ['AWS, as asked', { forcePathStyle: true }, 'https://s3.eu-central-1.amazonaws.com/media/'],
    [
      'an endpoint of AWS that is named',
      { endpoint: 'https://s3.dualstack.eu-west-1.amazonaws.com' },
      'https://media.s3.dualstack.eu-west-1.amazonaws.com/',
    ],
    [
      'another store',
      { endpoint: 'https://0a1b.r2.cloudflarestorage.com' },
      'https://0a1b.r2.cloudflarestorage.com/media/',
    ],
    [
      'another store, in the host as asked',
      { endpoint: 'https://s3.example:9000', forcePathStyle: false },
      'https://media.s3.example:9000/',
    ],
    [
      'a store below a path',
      { endpoint: 'https://x.example/storage/v1/s3/' },
      'https://x.example/storage/v1/s3/media/',
    ],
    ['an address', { endpoint: 'http://[::1]:9000' }, 'http://[::1]:9000/media/'],
  ])('%s', (_, place, expected) => {
    expect(address(place)).toBe(expected)
  })

  it.each([
    { endpoint: 'ftp://store.example' },
    { endpoint: 'store.example' },
    { endpoint: 'http://127.0.0.1:9000', forcePathStyle: false },
  ])('is none for %j', (place) => {
    expect(() => address(place)).toThrow(TypeError)
  })
})

describe('a key in a path', () => {
  it.each([
    ['a b+c', 'a%20b%2Bc'],
    ["~!'()*", '~%21%27%28%29%2A'],
    ['ü/日', '%C3%BC/%E6%97%A5'],
    ['50%', '50%25'],
    ['a%20b', 'a%2520b'],
    ['?#&=;,:@$', '%3F%23%26%3D%3B%2C%3A%40%24'],
  ])('%s is encoded once', (key, expected) => {
    expect(encodeS3Key(key)).toBe(expected)
  })

  it.each(['', '..', 'a/../b', 'a\0', '\ud800'])('%j has no path', (key) => {
    expect(encodeS3Key(key)).toBeUndefined()
  })
})
