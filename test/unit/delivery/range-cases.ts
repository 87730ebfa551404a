/**
 * How ranges and preconditions are answered over an object of 1,000 bytes with a strong entity tag and a
 * Last-Modified in the past. Pure data: the unit test runs it over `planDelivery`, the HTTP test over sockets.
 */
export interface RangeCase {
  readonly name: string
  readonly method: 'GET' | 'HEAD'
  /** Placeholders as in `fillPlaceholders`. */
  readonly headers: Readonly<Record<string, string>>
  readonly status: 200 | 206 | 304 | 412 | 416
  /** The Content-Range field of the response; absent means that there is none. */
  readonly contentRange?: string
  /** What a 206 delivers, in order, ends exclusive; more than one means multipart/byteranges. */
  readonly ranges?: readonly (readonly [start: number, end: number])[]
}

export const CASE_SIZE = 1000

/** The object's bytes. A few of them in a row tell where they stand. */
export function caseBody(): Buffer {
  return Buffer.from(Array.from({ length: CASE_SIZE }, (_, i) => (i ^ ((i >> 8) * 85)) & 255))
}

export interface CaseValidators {
  /** The strong entity tag, quoted. */
  readonly etag: string
  /** Epoch seconds. */
  readonly lastModified: number
}

const LONG_DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** The header value with the validators of the object under test in place of the placeholders. */
export function fillPlaceholders(value: string, { etag, lastModified }: CaseValidators): string {
  const http = (seconds: number): string => new Date(seconds * 1000).toUTCString()
  const date = new Date(lastModified * 1000)
  const [day = '', d = '', month = '', year = '', time = ''] = http(lastModified).split(/,? /)
  return value
    .replaceAll('{etag}', etag)
    .replaceAll('{weak-etag}', `W/${etag}`)
    .replaceAll('{opaque}', etag.slice(1, -1))
    .replaceAll('{last-modified}', http(lastModified))
    .replaceAll(
      '{last-modified-rfc850}',
      `${LONG_DAYS[date.getUTCDay()]}, ${d}-${month}-${year.slice(2)} ${time} GMT`,
    )
    .replaceAll(
      '{last-modified-asctime}',
      `${day} ${month} ${String(date.getUTCDate()).padStart(2)} ${time} ${year}`,
    )
    .replaceAll('{older}', http(lastModified - 1))
    .replaceAll('{newer}', http(lastModified + 1))
}

type Headers = Record<string, string>
type Pair = readonly [start: number, end: number]

const get = (name: string, headers: Headers, status: RangeCase['status']): RangeCase => ({
  name,
  method: 'GET',
  headers,
  status,
})
const head = (name: string, headers: Headers, status: RangeCase['status']): RangeCase => ({
  ...get(name, headers, status),
  method: 'HEAD',
})
const part = (name: string, range: string, [start, end]: Pair, more: Headers = {}): RangeCase => ({
  ...get(name, { Range: range, ...more }, 206),
  contentRange: `bytes ${start}-${end - 1}/${CASE_SIZE}`,
  ranges: [[start, end]],
})
const parts = (name: string, range: string, ranges: Pair[], more: Headers = {}): RangeCase => ({
  ...get(name, { Range: range, ...more }, 206),
  ranges,
})
const ignored = (name: string, range: string): RangeCase => get(name, { Range: range }, 200)
const unsatisfiable = (name: string, range: string, more: Headers = {}): RangeCase => ({
  ...get(name, { Range: range, ...more }, 416),
  contentRange: `bytes */${CASE_SIZE}`,
})

const singles: RangeCase[] = [
  part('the Safari probe gets its two bytes', 'bytes=0-1', [0, 2]),
  part('the first byte', 'bytes=0-0', [0, 1]),
  part('the last byte', 'bytes=999-999', [999, 1000]),
  part('the last byte, open', 'bytes=999-', [999, 1000]),
  part('the last byte, as suffix', 'bytes=-1', [999, 1000]),
  part('a middle range', 'bytes=100-199', [100, 200]),
  part('an open range', 'bytes=500-', [500, 1000]),
  part('everything, open', 'bytes=0-', [0, 1000]),
  part('everything, exactly', 'bytes=0-999', [0, 1000]),
  part('one byte more than everything is cut', 'bytes=0-1000', [0, 1000]),
  part('a last position far behind the end is cut', 'bytes=990-100000', [990, 1000]),
  part('a suffix', 'bytes=-100', [900, 1000]),
  part('a suffix of one byte less than all', 'bytes=-999', [1, 1000]),
  part('a suffix of all', 'bytes=-1000', [0, 1000]),
  part('a suffix longer than the object is all of it', 'bytes=-1001', [0, 1000]),
  part('a suffix of 15 digits', 'bytes=-999999999999999', [0, 1000]),
  part('a suffix of 30 digits', `bytes=-${'9'.repeat(30)}`, [0, 1000]),
  part('a last position of 15 digits', 'bytes=10-999999999999999', [10, 1000]),
  part('a last position of 16 digits', 'bytes=10-9999999999999999', [10, 1000]),
  part('a last position above 64 bits', 'bytes=10-18446744073709551616', [10, 1000]),
  part('a last position of 400 digits', `bytes=10-${'7'.repeat(400)}`, [10, 1000]),
  part('leading zeros', 'bytes=007-0010', [7, 11]),
  part('leading zeros beyond 15 digits', `bytes=${'0'.repeat(20)}7-${'0'.repeat(20)}8`, [7, 9]),
  part('the unit in upper case', 'BYTES=0-9', [0, 10]),
  part('the unit in mixed case', 'Bytes=0-9', [0, 10]),
  part('white space after the equals sign', 'bytes= 0-9', [0, 10]),
  part('a tab after the equals sign', 'bytes=\t0-9', [0, 10]),
  part('an empty element behind', 'bytes=0-9,', [0, 10]),
  part('an empty element in front', 'bytes=,0-9', [0, 10]),
  part('many empty elements', 'bytes=, ,\t, 0-9 , ,,', [0, 10]),
]

const ignoredRanges: RangeCase[] = [
  get('no range', {}, 200),
  ignored('another unit', 'items=0-9'),
  ignored('a unit that only begins like bytes', 'bytess=0-9'),
  ignored('a unit that is cut short', 'byte=0-9'),
  ignored('the unit none', 'none=0-9'),
  ignored('no unit', '0-9'),
  ignored('no unit but the equals sign', '=0-9'),
  ignored('no equals sign', 'bytes 0-9'),
  ignored('a colon for the equals sign', 'bytes:0-9'),
  ignored('white space before the equals sign', 'bytes =0-9'),
  ignored('the unit alone', 'bytes'),
  ignored('no element', 'bytes='),
  ignored('only empty elements', 'bytes=, ,,'),
  ignored('a dash alone', 'bytes=-'),
  ignored('a number without a dash', 'bytes=5'),
  ignored('two dashes', 'bytes=--5'),
  ignored('a dash too many in the middle', 'bytes=0--5'),
  ignored('three numbers', 'bytes=0-5-9'),
  ignored('a trailing dash too many', 'bytes=0-5-'),
  ignored('letters', 'bytes=a-b'),
  ignored('a letter behind a number', 'bytes=0-9x'),
  ignored('hexadecimal', 'bytes=0x0-0x9'),
  ignored('a decimal point', 'bytes=0.0-9.5'),
  ignored('an exponent', 'bytes=0-1e2'),
  ignored('a plus sign', 'bytes=+0-9'),
  ignored('a negative first position', 'bytes=-5-9'),
  ignored('white space within a range', 'bytes=0 - 9'),
  ignored('white space after the dash', 'bytes=0- 9'),
  ignored('white space after the dash of a suffix', 'bytes=- 9'),
  ignored('a semicolon as separator', 'bytes=0-9;20-29'),
  ignored('white space as separator', 'bytes=0-9 20-29'),
  ignored('the Content-Range form', 'bytes=0-9/1000'),
  ignored('an asterisk', 'bytes=*'),
  ignored('a quoted range', 'bytes="0-9"'),
  ignored('last before first', 'bytes=9-0'),
  ignored('last just before first', 'bytes=500-499'),
  ignored('last before first, both behind the end', 'bytes=3000-2000'),
  ignored('a first position of 16 digits, a small last', 'bytes=9999999999999999-5'),
  ignored('a good range and one with last before first', 'bytes=0-9,30-20'),
  ignored('a good range and a malformed one', 'bytes=0-9,x'),
  ignored('a malformed range and a good one', 'bytes=x,0-9'),
  ignored('an unsatisfiable range and a malformed one', 'bytes=2000-,x'),
  ignored('two fields joined by the server', 'bytes=0-9, bytes=20-29'),
  ignored(
    '51 ranges',
    `bytes=${Array.from({ length: 51 }, (_, i) => `${i * 10}-${i * 10}`).join(',')}`,
  ),
  ignored('51 times the same range', `bytes=${Array.from({ length: 51 }, () => '0-').join(',')}`),
  ignored(
    '51 unsatisfiable ranges',
    `bytes=${Array.from({ length: 51 }, () => '2000-').join(',')}`,
  ),
  ignored('more than 4 KiB', `bytes=0-9${','.repeat(4090)}`),
  ignored('more than 4 KiB of digits', `bytes=0-${'1'.repeat(4096)}`),
]

const unsatisfiableRanges: RangeCase[] = [
  unsatisfiable('a first position at the end', 'bytes=1000-'),
  unsatisfiable('a first position behind the end', 'bytes=1001-'),
  unsatisfiable('a closed range at the end', 'bytes=1000-1000'),
  unsatisfiable('a closed range behind the end', 'bytes=2000-3000'),
  unsatisfiable('a suffix of zero', 'bytes=-0'),
  unsatisfiable('a suffix of many zeros', `bytes=-${'0'.repeat(20)}`),
  unsatisfiable('a first position of 15 digits', 'bytes=999999999999999-'),
  unsatisfiable('a first position of 16 digits', 'bytes=1000000000000000-'),
  unsatisfiable('a first position above 64 bits', 'bytes=18446744073709551616-'),
  unsatisfiable('both positions above 64 bits', 'bytes=18446744073709551616-18446744073709551617'),
  unsatisfiable('several, none within the object', 'bytes=1000-1001,2000-,-0'),
  unsatisfiable('an unsatisfiable range and empty elements', 'bytes=,1000-,,'),
  unsatisfiable('50 of them', `bytes=${Array.from({ length: 50 }, () => '2000-').join(',')}`),
]

const several: RangeCase[] = [
  parts('two ranges', 'bytes=0-0,999-999', [
    [0, 1],
    [999, 1000],
  ]),
  parts('two ranges with white space around the comma', 'bytes=0-1 , 4-5', [
    [0, 2],
    [4, 6],
  ]),
  parts('white space everywhere it may be', 'bytes= 0-1 , 4-5', [
    [0, 2],
    [4, 6],
  ]),
  parts('tabs around the comma', 'bytes=0-1\t,\t4-5', [
    [0, 2],
    [4, 6],
  ]),
  parts('empty elements between', 'bytes=0-1,,, ,4-5', [
    [0, 2],
    [4, 6],
  ]),
  parts('the order of the request is kept', 'bytes=500-509,0-9', [
    [500, 510],
    [0, 10],
  ]),
  parts('suffix first', 'bytes=-10,0-9', [
    [990, 1000],
    [0, 10],
  ]),
  parts('first, middle and suffix', 'bytes=0-9,500-509,-10', [
    [0, 10],
    [500, 510],
    [990, 1000],
  ]),
  parts('a closed and an open one', 'bytes=0-9,990-', [
    [0, 10],
    [990, 1000],
  ]),
  parts('a gap of one byte is kept', 'bytes=0-9,11-20', [
    [0, 10],
    [11, 21],
  ]),
  parts('the unsatisfiable one is dropped', 'bytes=0-9,2000-2009,20-29', [
    [0, 10],
    [20, 30],
  ]),
  parts('the suffix of zero is dropped', 'bytes=0-9,-0,20-29', [
    [0, 10],
    [20, 30],
  ]),
  parts('a part that ends behind the end is cut', 'bytes=0-9,990-2000', [
    [0, 10],
    [990, 1000],
  ]),
  part('one is left after dropping', 'bytes=0-9,2000-', [0, 10]),
  part('one is left after dropping the first', 'bytes=2000-,0-9', [0, 10]),
  part('the unsatisfiable one with 16 digits is dropped', 'bytes=9999999999999999-,0-9', [0, 10]),
  part('overlapping ones become one', 'bytes=0-9,5-14', [0, 15]),
  part('adjacent ones become one', 'bytes=0-9,10-19', [0, 20]),
  part('adjacent ones with an empty element between', 'bytes=0-1,,2-3', [0, 4]),
  part('adjacent ones backwards', 'bytes=10-19,0-9', [0, 20]),
  part('one within another', 'bytes=0-99,10-19', [0, 100]),
  part('one around another', 'bytes=10-19,0-99', [0, 100]),
  part('the same twice', 'bytes=0-9,0-9', [0, 10]),
  part('everything twice', 'bytes=0-,0-', [0, 1000]),
  part('everything in two halves is one range', 'bytes=0-499,500-', [0, 1000]),
  part('everything in halves that overlap', 'bytes=0-600,-600', [0, 1000]),
  part(
    'everything in ten pieces, backwards',
    `bytes=${Array.from({ length: 10 }, (_, i) => `${900 - i * 100}-${999 - i * 100}`).join(',')}`,
    [0, 1000],
  ),
  part('a third range joins two', 'bytes=0-9,20-29,10-19', [0, 30]),
  part(
    '50 times everything is sent once',
    `bytes=${Array.from({ length: 50 }, () => '0-').join(',')}`,
    [0, 1000],
  ),
  parts('a merged range stays at the place of its first', 'bytes=500-509,0-9,510-519', [
    [500, 520],
    [0, 10],
  ]),
  parts('a merged range takes the place of the earlier piece', 'bytes=10-19,500-509,0-9', [
    [0, 20],
    [500, 510],
  ]),
  parts('two pairs merge', 'bytes=0-9,100-109,5-14,105-114', [
    [0, 15],
    [100, 115],
  ]),
  parts(
    '50 ranges',
    `bytes=${Array.from({ length: 50 }, (_, i) => `${i * 20}-${i * 20 + 4}`).join(',')}`,
    Array.from({ length: 50 }, (_, i): Pair => [i * 20, i * 20 + 5]),
  ),
  parts(
    '50 ranges backwards',
    `bytes=${Array.from({ length: 50 }, (_, i) => `${980 - i * 20}-${980 - i * 20}`).join(',')}`,
    Array.from({ length: 50 }, (_, i): Pair => [980 - i * 20, 981 - i * 20]),
  ),
]

const RANGE = 'bytes=0-9'
const FIRST_TEN: Pair = [0, 10]

const ifRange: RangeCase[] = [
  part('If-Range with the entity tag', RANGE, FIRST_TEN, { 'If-Range': '{etag}' }),
  part('If-Range with the date', RANGE, FIRST_TEN, { 'If-Range': '{last-modified}' }),
  part('If-Range with the RFC 850 date', RANGE, FIRST_TEN, {
    'If-Range': '{last-modified-rfc850}',
  }),
  part('If-Range with the asctime date', RANGE, FIRST_TEN, {
    'If-Range': '{last-modified-asctime}',
  }),
  parts(
    'If-Range with several ranges',
    'bytes=0-9,20-29',
    [
      [0, 10],
      [20, 30],
    ],
    { 'If-Range': '{etag}' },
  ),
  unsatisfiable('If-Range holds, the range lies behind the end', 'bytes=1000-', {
    'If-Range': '{etag}',
  }),
  get(
    'If-Range does not hold, the range lies behind the end',
    { Range: 'bytes=1000-', 'If-Range': '"other"' },
    200,
  ),
  get('If-Range with another entity tag', { Range: RANGE, 'If-Range': '"other"' }, 200),
  get('If-Range with the weak entity tag', { Range: RANGE, 'If-Range': '{weak-etag}' }, 200),
  get('If-Range with part of the entity tag', { Range: RANGE, 'If-Range': '"{opaque}' }, 200),
  get('If-Range with the entity tag unquoted', { Range: RANGE, 'If-Range': '{opaque}' }, 200),
  get('If-Range takes no list', { Range: RANGE, 'If-Range': '{etag}, "other"' }, 200),
  get('If-Range takes no asterisk', { Range: RANGE, 'If-Range': '*' }, 200),
  get('If-Range with an older date', { Range: RANGE, 'If-Range': '{older}' }, 200),
  get('If-Range with a newer date', { Range: RANGE, 'If-Range': '{newer}' }, 200),
  get('If-Range with an invalid date', { Range: RANGE, 'If-Range': 'yesterday' }, 200),
  get('If-Range that is empty', { Range: RANGE, 'If-Range': '' }, 200),
  get('If-Range with an ISO date', { Range: RANGE, 'If-Range': '2020-01-01T00:00:00Z' }, 200),
  get('If-Range without Range', { 'If-Range': '{etag}' }, 200),
  get('If-Range with a malformed Range', { Range: 'bytes=x', 'If-Range': '{etag}' }, 200),
]

const ifNoneMatch: RangeCase[] = [
  get('If-None-Match with the entity tag', { 'If-None-Match': '{etag}' }, 304),
  get('If-None-Match compares weakly', { 'If-None-Match': '{weak-etag}' }, 304),
  get('If-None-Match with an asterisk', { 'If-None-Match': '*' }, 304),
  get('If-None-Match with a list', { 'If-None-Match': '"a", {etag}, "b"' }, 304),
  get('If-None-Match with a list without white space', { 'If-None-Match': '"a",{etag}' }, 304),
  get('If-None-Match with empty elements', { 'If-None-Match': ', ,{etag},' }, 304),
  get('If-None-Match with a comma in a tag', { 'If-None-Match': '"a,b", {etag}' }, 304),
  get('If-None-Match with the tag inside of another', { 'If-None-Match': '"a,{opaque},b"' }, 200),
  get('If-None-Match with another entity tag', { 'If-None-Match': '"other"' }, 200),
  get('If-None-Match with a prefix of the tag', { 'If-None-Match': '"{opaque}x"' }, 200),
  get('If-None-Match that is not quoted', { 'If-None-Match': '{opaque}' }, 200),
  get('If-None-Match with a small w', { 'If-None-Match': 'w/{etag}' }, 200),
  get('If-None-Match that is malformed behind the tag', { 'If-None-Match': '{etag}, x' }, 200),
  get('If-None-Match with an unclosed tag', { 'If-None-Match': '{etag}, "x' }, 200),
  get('If-None-Match without commas', { 'If-None-Match': '{etag} "x"' }, 200),
  get('If-None-Match with an asterisk in a list', { 'If-None-Match': '*, {etag}' }, 200),
  get('If-None-Match that is empty', { 'If-None-Match': '' }, 200),
  get('If-None-Match comes before Range', { 'If-None-Match': '{etag}', Range: RANGE }, 304),
  get(
    'If-None-Match comes before an unsatisfiable Range',
    { 'If-None-Match': '{etag}', Range: 'bytes=1000-' },
    304,
  ),
  part('If-None-Match lets the Range through', RANGE, FIRST_TEN, { 'If-None-Match': '"other"' }),
  get(
    'If-None-Match silences If-Modified-Since',
    { 'If-None-Match': '"other"', 'If-Modified-Since': '{newer}' },
    200,
  ),
  get(
    'If-None-Match decides against If-Modified-Since',
    { 'If-None-Match': '{etag}', 'If-Modified-Since': '{older}' },
    304,
  ),
  get(
    'a malformed If-None-Match silences If-Modified-Since, too',
    { 'If-None-Match': 'x', 'If-Modified-Since': '{newer}' },
    200,
  ),
  head('If-None-Match on HEAD', { 'If-None-Match': '{etag}' }, 304),
  head('If-None-Match with another tag on HEAD', { 'If-None-Match': '"other"' }, 200),
]

const ifModifiedSince: RangeCase[] = [
  get('If-Modified-Since with the same date', { 'If-Modified-Since': '{last-modified}' }, 304),
  get('If-Modified-Since with a newer date', { 'If-Modified-Since': '{newer}' }, 304),
  get('If-Modified-Since with an older date', { 'If-Modified-Since': '{older}' }, 200),
  get(
    'If-Modified-Since in the RFC 850 form',
    { 'If-Modified-Since': '{last-modified-rfc850}' },
    304,
  ),
  get(
    'If-Modified-Since in the asctime form',
    { 'If-Modified-Since': '{last-modified-asctime}' },
    304,
  ),
  get('If-Modified-Since with an invalid date', { 'If-Modified-Since': 'yesterday' }, 200),
  get('If-Modified-Since that is empty', { 'If-Modified-Since': '' }, 200),
  get(
    'If-Modified-Since with another zone',
    { 'If-Modified-Since': 'Fri, 01 Jan 2100 00:00:00 CET' },
    200,
  ),
  get('If-Modified-Since with a number', { 'If-Modified-Since': '4102444800' }, 200),
  get(
    'If-Modified-Since comes before Range',
    { 'If-Modified-Since': '{last-modified}', Range: RANGE },
    304,
  ),
  part('If-Modified-Since lets the Range through', RANGE, FIRST_TEN, {
    'If-Modified-Since': '{older}',
  }),
  head('If-Modified-Since on HEAD', { 'If-Modified-Since': '{last-modified}' }, 304),
  head('If-Modified-Since with an older date on HEAD', { 'If-Modified-Since': '{older}' }, 200),
]

const ifMatch: RangeCase[] = [
  get('If-Match with the entity tag', { 'If-Match': '{etag}' }, 200),
  get('If-Match with an asterisk', { 'If-Match': '*' }, 200),
  get('If-Match with a list', { 'If-Match': '"a", {etag}' }, 200),
  get('If-Match with another entity tag', { 'If-Match': '"other"' }, 412),
  get('If-Match compares strongly', { 'If-Match': '{weak-etag}' }, 412),
  get('If-Match with the weak and the strong tag', { 'If-Match': '{weak-etag}, {etag}' }, 200),
  get('If-Match that is not quoted', { 'If-Match': '{opaque}' }, 412),
  get('If-Match that is malformed behind the tag', { 'If-Match': '{etag}, x' }, 412),
  get('If-Match that is empty', { 'If-Match': '' }, 412),
  get('If-Match comes before Range', { 'If-Match': '"other"', Range: RANGE }, 412),
  get(
    'If-Match comes before an unsatisfiable Range',
    { 'If-Match': '"other"', Range: 'bytes=1000-' },
    412,
  ),
  part('If-Match lets the Range through', RANGE, FIRST_TEN, { 'If-Match': '{etag}' }),
  unsatisfiable('If-Match holds, the range lies behind the end', 'bytes=1000-', {
    'If-Match': '{etag}',
  }),
  get(
    'If-Match comes before If-None-Match',
    { 'If-Match': '"other"', 'If-None-Match': '{etag}' },
    412,
  ),
  get(
    'If-None-Match comes after an If-Match that holds',
    { 'If-Match': '{etag}', 'If-None-Match': '{etag}' },
    304,
  ),
  get(
    'If-Modified-Since comes after an If-Match that holds',
    { 'If-Match': '{etag}', 'If-Modified-Since': '{newer}' },
    304,
  ),
  get(
    'If-Match silences If-Unmodified-Since',
    { 'If-Match': '{etag}', 'If-Unmodified-Since': '{older}' },
    200,
  ),
  get(
    'If-Match fails whatever If-Unmodified-Since says',
    { 'If-Match': '"other"', 'If-Unmodified-Since': '{newer}' },
    412,
  ),
  get(
    'If-Match fails before a wrong If-Range',
    { 'If-Match': '"other"', Range: RANGE, 'If-Range': '"other"' },
    412,
  ),
  head('If-Match with another tag on HEAD', { 'If-Match': '"other"' }, 412),
]

const ifUnmodifiedSince: RangeCase[] = [
  get('If-Unmodified-Since with the same date', { 'If-Unmodified-Since': '{last-modified}' }, 200),
  get('If-Unmodified-Since with a newer date', { 'If-Unmodified-Since': '{newer}' }, 200),
  get('If-Unmodified-Since with an older date', { 'If-Unmodified-Since': '{older}' }, 412),
  get('If-Unmodified-Since with an invalid date', { 'If-Unmodified-Since': 'yesterday' }, 200),
  get(
    'If-Unmodified-Since in the RFC 850 form',
    { 'If-Unmodified-Since': '{last-modified-rfc850}' },
    200,
  ),
  get(
    'If-Unmodified-Since in the asctime form',
    { 'If-Unmodified-Since': '{last-modified-asctime}' },
    200,
  ),
  get(
    'If-Unmodified-Since comes before Range',
    { 'If-Unmodified-Since': '{older}', Range: RANGE },
    412,
  ),
  part('If-Unmodified-Since lets the Range through', RANGE, FIRST_TEN, {
    'If-Unmodified-Since': '{newer}',
  }),
  get(
    'If-Unmodified-Since comes before If-None-Match',
    { 'If-Unmodified-Since': '{older}', 'If-None-Match': '{etag}' },
    412,
  ),
  get(
    'If-None-Match comes after an If-Unmodified-Since that holds',
    { 'If-Unmodified-Since': '{newer}', 'If-None-Match': '{etag}' },
    304,
  ),
  head('If-Unmodified-Since with an older date on HEAD', { 'If-Unmodified-Since': '{older}' }, 412),
]

const headRequests: RangeCase[] = [
  head('HEAD', {}, 200),
  head('HEAD ignores Range', { Range: RANGE }, 200),
  head('HEAD ignores several ranges', { Range: 'bytes=0-9,20-29' }, 200),
  head('HEAD ignores an unsatisfiable Range', { Range: 'bytes=1000-' }, 200),
  head('HEAD ignores a malformed Range', { Range: 'bytes=x' }, 200),
  head('HEAD ignores Range and If-Range', { Range: RANGE, 'If-Range': '{etag}' }, 200),
]

export const rangeCases: readonly RangeCase[] = [
  ...singles,
  ...ignoredRanges,
  ...unsatisfiableRanges,
  ...several,
  ...ifRange,
  ...ifNoneMatch,
  ...ifModifiedSince,
  ...ifMatch,
  ...ifUnmodifiedSince,
  ...headRequests,
]
