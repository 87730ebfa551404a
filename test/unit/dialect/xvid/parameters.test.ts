import { describe, expect, it } from 'vitest'
import { readParameters } from '../../../../src/dialect/xvid/parameters.ts'

const read = (query: string): unknown =>
  readParameters(query, (name) => name.startsWith('utm_') || name === 'ip')

describe('the parameters', () => {
  it('are read by their types', () => {
    expect(
      read(
        'file_id=a&format=xml&human=true&redirect=false&expiry_time=1800000000&anti_fraud=true&max_parallel_downloads=2' +
          '&streaming=false&ip=3232236033&autograph_tag=caf%C3%A9+7&multi_use=false&client_id=c&utm_source=x',
      ),
    ).toEqual({
      file_id: 'a',
      format: 'xml',
      human: true,
      redirect: false,
      expiry_time: 1_800_000_000,
      anti_fraud: true,
      max_parallel_downloads: 2,
      streaming: false,
      ip: 3_232_236_033,
      autograph_tag: 'café 7',
      multi_use: false,
      client_id: 'c',
    })
    expect(read('object_key=a%2Fb.mp4&pipeline_id=7')).toEqual({
      object_key: 'a/b.mp4',
      pipeline_id: '7',
    })
  })

  it('take the signed form of an address', () => {
    // what 192.168.2.1 is in a language whose shifts have 32 bits
    const ip = (192 << 24) | (168 << 16) | (2 << 8) | 1
    expect(ip).toBeLessThan(0)
    expect(read(`file_id=a&ip=${ip}`)).toEqual({ file_id: 'a', ip })
    expect(read('file_id=a&ip=0')).toEqual({ file_id: 'a', ip: 0 })
  })

  it.each([
    '',
    'file_id=',
    'object_key=a',
    'pipeline_id=a',
    'object_key=&pipeline_id=a',
    'object_key=a&pipeline_id=',
    'file_id=a&object_key=b&pipeline_id=c',
    'file_id=a&pipeline_id=c',
    'file_id=a&file_id=a',
    'file_id=a&fileid=b',
    'file_id=a&maxparalleldownloads=1',
    'file_id=a&Ip=1',
    'file_id=a&__proto__=1',
    'file_id=a&signature=00',
    'file_id=a&',
    ...['yes', '1', 'TRUE', 'True', '', 'true '].flatMap((value) =>
      ['human', 'redirect', 'anti_fraud', 'streaming', 'multi_use'].map(
        (name) => `file_id=a&${name}=${value}`,
      ),
    ),
    ...['html', 'JSON', 'XML', ''].map((value) => `file_id=a&format=${value}`),
    ...['0', '-1', '01', '1.0', '1e3', '', '0x1', 'x', '9'.repeat(16)].flatMap((value) =>
      ['max_parallel_downloads', 'expiry_time'].map((name) => `file_id=a&${name}=${value}`),
    ),
    ...['4294967296', '-2147483649', '1.5', '+1', '-0', '00', '', '192.168.2.1', '1,2'].map(
      (value) => `file_id=a&ip=${value}`,
    ),
    ...['', '%00', '%0A', 'x'.repeat(65), '%C3%A9'.repeat(33)].map(
      (value) => `file_id=a&autograph_tag=${value}`,
    ),
  ])('are refused: %s', (query) => {
    expect(read(query)).toBeUndefined()
  })
})
