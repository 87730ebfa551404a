import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditLog, checkAudit } from '../../../src/record/audit-log.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let directory: string
let file: string
const clock = new FakeClock()

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-audit-'))
  file = join(directory, 'deep/er/audit.jsonl')
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function open(): AuditLog {
  return new AuditLog(file, () => clock.now())
}

/** A file of entries 1 to `count`. */
function written(count: number): string[] {
  const log = open()
  for (let i = 1; i <= count; i++)
    log.append({ actor: 'ops', action: 'link.mint', target: { number: i, text: 'ü"\\' } })
  return lines()
}

function lines(): string[] {
  return readFileSync(file, 'utf8').trimEnd().split('\n')
}

function problemsOf(changed: readonly string[]): string[] {
  writeFileSync(file, `${changed.join('\n')}\n`)
  return checkAudit(file).problems
}

describe('an audit file', () => {
  it('as it was written has no problems', () => {
    const [first] = written(5)
    expect(checkAudit(file)).toEqual({ entries: 5, problems: [] })
    expect(JSON.parse(first ?? '')).toMatchObject({
      seq: 1,
      time: new Date(clock.now()).toISOString(),
      actor: 'ops',
      action: 'link.mint',
      target: { number: 1 },
      prev: '0'.repeat(64),
    })
    expect(statSync(file).mode & 0o077).toBe(0)
  })

  it('goes on after a restart', () => {
    written(2)
    open().append({ actor: 'ops', action: 'key.retire', target: {} })
    expect(checkAudit(file)).toEqual({ entries: 3, problems: [] })
    expect(JSON.parse(lines()[2] ?? '')).toMatchObject({ seq: 3 })
  })

  it('with nothing in it is whole', () => {
    open()
    writeFileSync(file, '')
    expect(checkAudit(file)).toEqual({ entries: 0, problems: [] })
  })

  it.each([1, 2, 3, 4])('shows that line %i is missing, unless it was the last', (n) => {
    const all = written(4)
    const problems = problemsOf(all.filter((_line, i) => i !== n - 1))
    if (n === 4) expect(problems).toEqual([])
    else expect(problems.some((problem) => problem.startsWith(`line ${n}:`))).toBe(true)
  })

  it.each([
    ['another actor', '"actor":"ops"', '"actor":"eve"'],
    ['another number in its target', '"number":2', '"number":3'],
    ['another time', '"time":"20', '"time":"19'],
    ['one more member', '"actor":', '"note":"x","actor":'],
    ['a member twice, the first one forged', '"actor":"ops"', '"actor":"eve","actor":"ops"'],
    ['a blank more', '"actor":', '"actor": '],
    ['an escape instead of a letter', 'ops', '\\u006fps'],
  ])('shows that a line has %s', (_what, from, to) => {
    const all = written(3)
    const forged = all.map((line, i) => (i === 1 ? line.replace(from, to) : line))
    expect(forged[1]).not.toBe(all[1])
    expect(problemsOf(forged)).toEqual(['line 2: the content was changed'])
  })

  it('shows a line that was changed together with its own hash', () => {
    const all = written(3)
    const other = join(directory, 'other.jsonl')
    const forger = new AuditLog(other, () => clock.now())
    forger.append({ actor: 'ops', action: 'link.mint', target: { number: 1, text: 'ü"\\' } })
    forger.append({ actor: 'eve', action: 'link.mint', target: {} })
    const forged = readFileSync(other, 'utf8').split('\n')[1] ?? ''
    expect(problemsOf([all[0]!, forged, all[2]!])).toEqual([
      'line 3: does not follow the line before',
    ])
  })

  it('shows lines that changed places', () => {
    const [a, b, c] = written(3)
    const problems = problemsOf([b!, a!, c!])
    expect(problems).toContain('line 1: does not follow the line before')
    expect(problems).toContain('line 1: number 2 follows 0')
  })

  it('shows a line that occurs twice', () => {
    const [a, b] = written(2)
    expect(problemsOf([a!, a!, b!])).toContain('line 2: number 1 follows 1')
  })

  it('shows what is no record', () => {
    const [a, b] = written(2)
    for (const rubbish of ['', 'x', 'null', '[]', '{}', '{"seq":2}', '{"hash":"x"}']) {
      expect([rubbish, ...problemsOf([a!, rubbish, b!])]).toEqual([
        rubbish,
        'line 2: not an audit record',
      ])
    }
  })

  it('keeps half a line that a dying process left, and goes on behind it', () => {
    const all = written(2)
    appendFileSync(file, all[1]!.slice(0, 30))
    open().append({ actor: 'ops', action: 'link.mint', target: { number: 3 } })
    expect(lines()).toHaveLength(4)
    expect(checkAudit(file)).toEqual({ entries: 4, problems: ['line 3: not an audit record'] })
    expect(JSON.parse(lines()[3] ?? '')).toMatchObject({ seq: 3 })
  })
})
