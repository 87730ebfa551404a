import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { poll, run, startForTest } from '../support/child.ts'
import { type GatewayProcess, LIBRARY, startGatewayProcess } from '../support/gateway-process.ts'
import { needs, program } from '../support/programs.ts'

const MIB = 1024 * 1024
const LARGE = randomBytes(12 * MIB)

let gateway: GatewayProcess

beforeAll(async () => {
  gateway = await startGatewayProcess({ files: { 'large.bin': LARGE } })
})

afterAll(async () => {
  const { status, stderr } = await gateway.stop()
  expect(stderr).not.toMatch(/ error /)
  expect(status).toBe(0)
})

/** An empty folder to download into. */
function folder(): string {
  const made = mkdtempSync(join(gateway.directory, 'downloads-'))
  onTestFinished(() => {
    rmSync(made, { recursive: true, force: true })
  })
  return made
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function ofLink(id: string): (records: readonly AccessRecord[]) => AccessRecord[] {
  return (records) => records.filter((record) => record.link_id === id)
}

describe('curl -OJ', () => {
  const names = readdirSync(LIBRARY)

  needs('curl')('saves every example byte for byte, under its own name', async () => {
    expect(names).toContain('Übergröße – Straße.txt')
    for (const name of names) {
      const cwd = folder()
      const url = await gateway.sign(`/files/${encodeURIComponent(name)}`)
      const { status, stderr } = await run(program('curl'), ['-fsSOJ', url], { cwd })
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      const [saved = '', ...others] = readdirSync(cwd)
      expect(others).toEqual([])
      expect(readFileSync(join(cwd, saved))).toEqual(readFileSync(join(LIBRARY, name)))
      // curl reads `filename` alone: there the name is in ASCII
      expect(saved).toBe(
        name
          .normalize('NFD')
          .replaceAll(/\p{M}/gu, '')
          .replaceAll(/[^ -~]/g, '_'),
      )
    }
  })

  needs('curl')('gets the name with umlauts in the extended form of RFC 8187', async () => {
    const name = 'Übergröße – Straße.txt'
    const url = await gateway.sign(`/files/${encodeURIComponent(name)}`)
    const { stdout } = await run(program('curl'), ['-fsSI', url])
    const header = /^content-disposition: (.*)\r$/im.exec(stdout)?.[1] ?? ''
    expect(header).toMatch(/^attachment; filename="[ -~]+"; filename\*=UTF-8''/)
    expect(decodeURIComponent(/filename\*=UTF-8''(\S+)$/.exec(header)?.[1] ?? '')).toBe(name)
  })

  needs('curl')('saves under the name that the link gives', async () => {
    const cwd = folder()
    const url = await gateway.sign('/files/guide.pdf', '--filename', 'Read me first.pdf')
    expect((await run(program('curl'), ['-fsSOJ', url], { cwd })).status).toBe(0)
    expect(readdirSync(cwd)).toEqual(['Read me first.pdf'])
  })

  needs('curl', 'openssl')('opens a link that the openssl command line signed', async () => {
    const { kid, secret } = gateway.key
    const expires = Math.floor(Date.now() / 1000) + 600
    const text = `/files/guide.pdf?jti=by-openssl&Expires=${expires}&KeyId=${kid}`
    const key = `hexkey:${secret.toString('hex')}`
    const signed = await run(
      program('openssl'),
      ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', key],
      { input: text },
    )
    const hex = /([0-9a-f]{64})\s*$/.exec(signed.stdout)?.[1] ?? ''
    const url = `${gateway.url}${text}&Signature=${Buffer.from(hex, 'hex').toString('base64url')}`
    const cwd = folder()
    expect(await run(program('curl'), ['-fsSOJ', url], { cwd })).toMatchObject({ status: 0 })
    expect(readFileSync(join(cwd, 'guide.pdf'))).toEqual(readFileSync(join(LIBRARY, 'guide.pdf')))
    const records = await gateway.records((all) => ofLink('by-openssl')(all).length > 0)
    expect(ofLink('by-openssl')(records)[0]).toMatchObject({ kid, decision: 'permit', status: 200 })
  })
})

describe('a link for one download at a time', () => {
  needs('aria2c', 'curl')(
    'gives aria2c all its connections, and another address 429 meanwhile',
    async () => {
      const cwd = folder()
      const flags = ['--max-parallel-downloads', '1', '--rate', String(4 * MIB), '--jti', 'aria2']
      const url = await gateway.sign('/made/large.bin', ...flags)
      const aria2 = startForTest(
        program('aria2c'),
        ['-x8', '-s8', '-k1M', '--file-allocation=none', '--no-conf', '--quiet', url],
        { cwd },
      )
      const saved = join(cwd, 'large.bin')
      await aria2.until(() => sizeOf(saved) > 0 || undefined)

      const other = ['-sS', '-D-', '-o', join(cwd, 'other'), '--interface', '127.0.0.2', url]
      const refused = await run(program('curl'), other)
      expect(refused.stdout).toMatch(/^HTTP\/1\.1 429 /)
      expect(refused.stdout).toMatch(/^retry-after: \d+\r$/im)
      expect(readFileSync(join(cwd, 'other'), 'utf8')).toContain('"too_many_downloads"')
      expect(aria2.isOver).toBe(false)

      expect((await aria2.ended).status).toBe(0)
      expect(readFileSync(saved).equals(LARGE)).toBe(true)
      const records = ofLink('aria2')(
        await gateway.records((all) => ofLink('aria2')(all).length > 4),
      )
      const mine = records.filter(({ client }) => client === '127.0.0.1')
      expect(mine.length).toBeGreaterThan(4)
      expect(mine.filter(({ decision }) => decision !== 'permit')).toEqual([])
      expect(records.filter(({ client }) => client === '127.0.0.2')).toMatchObject([
        { status: 429, reason: 'too_many_downloads', decision: 'deny' },
      ])
    },
  )

  needs('curl')('is free again when the download ends', async () => {
    const url = await gateway.sign('/files/guide.pdf', '--max-parallel-downloads', '1')
    for (const address of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
      const args = ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '--interface', address, url]
      const freed = poll(async () => {
        const { stdout } = await run(program('curl'), args)
        return stdout === '200' ? stdout : undefined
      })
      await expect(freed).resolves.toBe('200')
    }
  })
})

describe('wget -c', () => {
  needs('wget')('finishes what was cut off, byte for byte', async () => {
    const cwd = folder()
    const url = await gateway.sign('/made/large.bin', '--rate', String(5 * MIB), '--jti', 'wget')
    const saved = join(cwd, 'large.bin')
    const args = ['--no-config', '-q', '-c', '-O', saved, url]
    const first = startForTest(program('wget'), args, { cwd })
    await first.until(() => sizeOf(saved) > MIB || undefined)
    first.signal('SIGKILL')
    await first.ended
    const kept = sizeOf(saved)
    expect(kept).toBeLessThan(LARGE.length)

    expect(await run(program('wget'), args, { cwd })).toMatchObject({ status: 0, stderr: '' })
    expect(readFileSync(saved).equals(LARGE)).toBe(true)
    const records = await gateway.records((all) => ofLink('wget')(all).length === 2)
    expect(ofLink('wget')(records)).toMatchObject([
      { status: 200, ended_by: 'client' },
      { status: 206, ended_by: 'complete', bytes: LARGE.length - kept },
    ])
  })

  needs('wget')('fetches nothing of a file that it has already', async () => {
    const cwd = folder()
    const url = await gateway.sign('/files/demo.mp4', '--jti', 'complete')
    const args = ['--no-config', '-q', '-c', '-O', join(cwd, 'demo.mp4'), url]
    expect((await run(program('wget'), args, { cwd })).status).toBe(0)
    expect((await run(program('wget'), args, { cwd })).status).toBe(0)
    const records = await gateway.records((all) => ofLink('complete')(all).length === 2)
    expect(ofLink('complete')(records).map(({ status }) => status)).toEqual([200, 416])
  })
})
