import { createSecretKey } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Address, addressFromInteger, parseAddress } from '../../src/base/address.ts'
import { NOTHING_KNOWN } from '../../src/base/network-facts.ts'
import { NetworkSet } from '../../src/base/network-set.ts'
import { NO_SIGHTINGS } from '../../src/base/sightings.ts'
import { policySchema } from '../../src/config/policy-schema.ts'
import { type Key, KeyRing } from '../../src/link/key-ring.ts'
import { schemeDefinition } from '../../src/link/schemes/registry.ts'
import { LinkVerifier } from '../../src/link/verify-link.ts'
import { parseList } from '../../src/lists/parse-list.ts'
import { compilePolicy } from '../../src/policy/compile-policy.ts'
import { decide } from '../../src/policy/decide.ts'
import { NO_SOURCES, type Policy } from '../../src/policy/policy.ts'
import type { LinkHistory } from '../../src/policy/rule.ts'
import { canonicalisePath } from '../../src/request/canonical-path.ts'
import type { RequestContext } from '../../src/request/request-context.ts'
import { readHeaders } from '../../src/request/request-headers.ts'
import { cutTarget } from '../../src/request/request-target.ts'
import { Random } from '../fraud/random.ts'
import { hmacSigner, inAnHour, newSecret, type Sign } from '../links.ts'
import { makeList } from '../lists/made-list.ts'
import { type CaseResult, measureRounds, type Probe } from '../statistics.ts'
import { tell } from '../workplace.ts'

const CIDRS = [100, 1000, 10_000, 100_000, 1_000_000]
const KEYS = [1, 10, 100, 1000, 10_000]

/** Short rounds, and more of them than other cases have: a busy neighbour disturbs few, and the median none. */
const ROUNDS_FOR_ONE = 3
const LINKS = 20_000
const TURNS = { fresh: 1, known: 4 }
const SCHEME = 'sluice-hmac'
const HEADERS = readHeaders(['Host', 'files.example', 'User-Agent', 'bench', 'Accept', '*/*'])
const SITE = { scheme: 'http', host: 'files.example' } as const

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const NO_HISTORY: LinkHistory = {
  revocation: () => undefined,
  isResumable: () => false,
  firstAddress: undefined,
  sightings: () => NO_SIGHTINGS,
}

/** A request: what it asks for, and from where. */
interface Asked {
  readonly target: string
  readonly client: string
}

/** Everything that one decision asks, with a full policy: pinned links and a blocklist. */
interface Setting {
  readonly name: string
  readonly keys: KeyRing
  readonly policy: Policy
  readonly sign: Sign
}

/**
 * CPU microseconds of a decision in this process, from request line, headers and client address to the permit:
 * no sockets and no origin, whose cost would hide it. Clients and keys are drawn anew for each link.
 */
export async function measureDecisions(rounds: number): Promise<CaseResult[]> {
  const oneKey = makeKeys(1)
  const blocked = CIDRS.map(makeBlocklist)
  const lists = blocked.map((set, i) => ({
    name: counted(CIDRS[i] ?? 0, 'network'),
    policy: policyBlocking(set),
    ...oneKey,
  }))
  const policy = policyBlocking(makeBlocklist(100))
  const rings = KEYS.map((keys) => ({ name: counted(keys, 'key'), policy, ...makeKeys(keys) }))
  const clients = drawClients((client) => blocked.some((set) => set.has(client)))
  return [
    ...(await measureSettings('lists', 'blocked networks', lists, clients, rounds)),
    ...(await measureSettings('keys', 'keys', rings, clients, rounds)),
  ]
}

async function measureSettings(
  id: string,
  what: string,
  settings: readonly Setting[],
  clients: readonly string[],
  rounds: number,
): Promise<CaseResult[]> {
  const result = async (links: keyof typeof TURNS): Promise<CaseResult> => {
    tell(`  decisions by number of ${what}, ${links} links`)
    return {
      id: `decisions-${id}-${links}`,
      title: `A decision by number of ${what}, ${links} links`,
      unit: 'CPU µs',
      better: 'lower',
      ours: 'all',
      rows: await measureRounds(
        settings.map((setting) => probe(setting, links, clients)),
        rounds * ROUNDS_FOR_ONE,
      ),
    }
  }
  return [await result('fresh'), await result('known')]
}

/** Fresh links come to a verifier that has seen none; known ones to one that has seen all. */
function probe(setting: Setting, links: keyof typeof TURNS, clients: readonly string[]): Probe {
  const definition = schemeDefinition(SCHEME)
  if (!definition) throw new Error(`there is no ${SCHEME}`)
  const scheme = definition.create(definition.options.parse({}), { isIgnored: () => false })
  const asked = makeRequests(setting.sign, clients)
  const decideAll = (verifier: LinkVerifier): void => {
    for (const request of asked) assertPermitted(request, verifier, setting.policy)
  }
  const knowing = new LinkVerifier([scheme], setting.keys)
  // a link is remembered from its second time on
  decideAll(knowing)
  decideAll(knowing)
  return {
    name: setting.name,
    measure: () => {
      const verifier = links === 'known' ? knowing : new LinkVerifier([scheme], setting.keys)
      collectGarbage()
      const before = process.cpuUsage()
      for (let turn = 0; turn < TURNS[links]; turn++) decideAll(verifier)
      const { user, system } = process.cpuUsage(before)
      return Promise.resolve((user + system) / (asked.length * TURNS[links]))
    },
  }
}

function assertPermitted({ target, client }: Asked, verifier: LinkVerifier, policy: Policy): void {
  const context = contextOf(target, client)
  const verified = verifier.verify(context)
  if (verified.outcome !== 'granted') throw new Error(`the link is ${verified.outcome}`)
  const { refusal } = decide(verified.grant, context, policy, NO_HISTORY)
  if (refusal) throw new Error(`refused: ${refusal.detail}`)
}

function contextOf(text: string, client: string): RequestContext {
  const target = cutTarget(text)
  if (!target) throw new Error('not a target')
  const canonical = canonicalisePath(target.rawPath)
  if (!canonical.ok) throw new Error('not a path')
  return {
    id: 'bench',
    now: Math.floor(Date.now() / 1000),
    method: 'GET',
    target,
    path: canonical.path,
    headers: HEADERS,
    site: SITE,
    client: parseAddress(client),
    network: NOTHING_KNOWN,
  }
}

/** A link for each client. */
function makeRequests(sign: Sign, clients: readonly string[]): Asked[] {
  const expires = inAnHour()
  return clients.map((client, i) => ({
    target: sign(`/files/object-${i}.bin`, expires, client),
    client,
  }))
}

/** Clients anywhere in the IPv4 Internet, of those whom no list blocks. */
function drawClients(isBlocked: (client: Address) => boolean): string[] {
  const random = new Random(1)
  const clients: string[] = []
  while (clients.length < LINKS) {
    const client = addressFromInteger(random.whole(2 ** 24, 2 ** 32 - 1))
    if (!isBlocked(client)) clients.push(client.text)
  }
  return clients
}

function makeBlocklist(size: number): NetworkSet {
  return new NetworkSet(parseList(makeList(size, 1).text, 'netset').networks)
}

function policyBlocking(blocked: NetworkSet): Policy {
  return compilePolicy(
    'bench',
    policySchema.parse({ address: { pin: 'required' }, networks: { block: ['blocked'] } }),
    { ...NO_SOURCES, list: () => blocked },
  )
}

/** Each link is signed by one of them, drawn by chance. */
function makeKeys(count: number): Pick<Setting, 'keys' | 'sign'> {
  const random = new Random(2)
  const secrets = Array.from(
    { length: count },
    (_, i) => [`key-${String(i).padStart(5, '0')}`, newSecret()] as const,
  )
  const signers = secrets.map(([kid, secret]) => hmacSigner(secret, kid))
  return {
    keys: new KeyRing(secrets.map(([kid, secret]) => keyOf(kid, secret))),
    sign: (...link) => random.pick(signers)(...link),
  }
}

function counted(size: number, what: string): string {
  return `${size.toLocaleString('en')} ${what}${size === 1 ? '' : 's'}`
}

function keyOf(kid: string, secret: string): Key {
  return {
    kid,
    alg: 'HS256',
    schemes: new Set([SCHEME]),
    notBefore: undefined,
    retireAt: undefined,
    verifyKey: createSecretKey(Buffer.from(secret)),
    signKey: undefined,
  }
}
