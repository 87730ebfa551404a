import { table } from '../report.ts'
import { type AbuseFigures, type HonestFigures, SOON } from './figures.ts'
import type { Setting } from './gate.ts'
import type { WorldSize } from './world.ts'

/** What one setting did to the world. */
export interface SettingResult {
  readonly setting: Setting
  readonly seconds: number
  readonly honest: readonly HonestFigures[]
  readonly abuse: readonly AbuseFigures[]
}

/** What bench/results/fraud.json holds. */
export interface FraudResult {
  readonly date: string
  readonly world: WorldSize
  readonly downloads: number
  readonly settings: readonly SettingResult[]
}

/** The result as Markdown: the first setting in full, the others beside it. */
export function formatFraud({ date, world, downloads, settings }: FraudResult): string {
  const [first] = settings
  if (!first) return ''
  const { users, cases, seed } = world
  const names = settings.map(({ setting }) => setting.name)
  return [
    `${date.slice(0, 10)}, ${count(users)} users, ${cases} cases of each kind of abuse, ${count(downloads)} downloads in a week, seed ${seed}.`,
    '',
    ...table(
      ['Honest users', 'users', 'downloads', 'refused', 'users refused', ...names.slice(1)],
      first.honest.map((row, i) => [
        row.habit,
        count(row.users),
        count(row.downloads),
        count(row.refusedDownloads),
        refusedUsers(row),
        ...settings.slice(1).map(({ honest }) => refusedUsers(honest[i])),
      ]),
    ),
    '',
    ...settings.map(({ setting, honest }) => `${setting.name}: ${reasonsOf(honest.at(-1))}`),
    '',
    ...table(
      ['Abuse', 'caught', `in ${SOON}`, 'until caught', 'went through', 'GB a case'],
      settings.flatMap(({ setting, abuse }) => [
        [`**${setting.name}**`, '', '', '', '', ''],
        ...abuse.map((row) => [
          row.kind,
          percent(row.caught / row.cases),
          percent(row.caughtSoon / row.cases),
          row.caught === 0 ? '-' : count(row.untilCaught),
          percent(row.through),
          (row.bytesThrough / 1e9).toFixed(1),
        ]),
      ]),
    ),
    '',
  ].join('\n')
}

function refusedUsers(row: HonestFigures | undefined): string {
  if (!row) return ''
  return `${row.refusedUsers} (${percent(row.refusedUsers / row.users, 2)})`
}

function reasonsOf(all: HonestFigures | undefined): string {
  const reasons = Object.entries(all?.reasons ?? {}).map(([reason, users]) => `${reason} ${users}`)
  return `${reasons.join(', ') || 'nobody'}; denied as VPN: ${all?.deniedByChoice ?? 0} users`
}

function count(value: number): string {
  return value.toLocaleString('en')
}

function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`
}
