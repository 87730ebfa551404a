import { readHeaders, type RequestHeaders } from '../../src/request/request-headers.ts'
import type { Random } from './random.ts'

/** What a program sends with every request: from the start of an object, and for a part of it. */
export interface Device {
  readonly whole: RequestHeaders
  readonly part: RequestHeaders
}

const CHROME = 'Mozilla/5.0 (SYSTEM) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/VERSION.0.0.0'

// shares of page views, rounded (StatCounter, 2025); browsers freeze their User-Agent, so versions are few
const PROGRAMS = [
  {
    weight: 34,
    agent: `${CHROME} Mobile Safari/537.36`,
    system: 'Linux; Android 10; K',
    hint: '"Android"',
  },
  {
    weight: 22,
    agent: `${CHROME} Safari/537.36`,
    system: 'Windows NT 10.0; Win64; x64',
    hint: '"Windows"',
  },
  {
    weight: 5,
    agent: `${CHROME} Safari/537.36`,
    system: 'Macintosh; Intel Mac OS X 10_15_7',
    hint: '"macOS"',
  },
  {
    weight: 5,
    agent: `${CHROME} Safari/537.36 Edg/VERSION.0.0.0`,
    system: 'Windows NT 10.0; Win64; x64',
    hint: '"Windows"',
  },
  {
    weight: 16,
    agent:
      'Mozilla/5.0 (SYSTEM) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/VERSION Mobile/15E148 Safari/604.1',
    system: 'iPhone; CPU iPhone OS 18_6 like Mac OS X',
    hint: '',
  },
  {
    weight: 5,
    agent:
      'Mozilla/5.0 (SYSTEM) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/VERSION Safari/605.1.15',
    system: 'Macintosh; Intel Mac OS X 10_15_7',
    hint: '',
  },
  {
    weight: 3,
    agent: 'Mozilla/5.0 (SYSTEM; rv:VERSION.0) Gecko/20100101 Firefox/VERSION.0',
    system: 'Windows NT 10.0; Win64; x64',
    hint: '',
  },
] as const

// most browsers update themselves within weeks
const VERSIONS = [
  { weight: 55, version: '141' },
  { weight: 25, version: '140' },
  { weight: 10, version: '139' },
  { weight: 6, version: '138' },
  { weight: 4, version: '109' },
]

const known = new Map<string, Device>()

/** A browser as common as it is in the wild, in the language of its owner. */
export function browser(language: string, random: Random): Device {
  const { agent, system, hint } = random.weighted(PROGRAMS)
  const { version } = random.weighted(VERSIONS)
  const text = agent.replace('SYSTEM', system).replaceAll('VERSION', version)
  // who reads several languages says so
  const languages = random.chance(0.7) ? language : `${language},en;q=0.8`
  const hints = hint ? ['Sec-CH-UA', `"Chromium";v="${version}"`, 'Sec-CH-UA-Platform', hint] : []
  return deviceOf(text, ['Accept-Language', languages, 'Accept-Encoding', 'gzip, br', ...hints])
}

/** A program that downloads files: it says little. */
export function downloader(random: Random): Device {
  const agent = random.pick(['aria2/1.37.0', 'Wget/1.24.5', 'curl/8.9.1', 'JDownloader'])
  return deviceOf(agent, ['Accept-Encoding', 'identity'])
}

function deviceOf(agent: string, fields: readonly string[]): Device {
  const raw = ['Host', 'downloads.example', 'User-Agent', agent, 'Accept', '*/*', ...fields]
  const key = raw.join('\n')
  let device = known.get(key)
  if (!device) {
    device = { whole: readHeaders(raw), part: readHeaders([...raw, 'Range', 'bytes=1048576-']) }
    known.set(key, device)
  }
  return device
}
