import { describe, expect, test } from 'vitest'
import { cliFolder } from '../support/cli-folder.ts'
import { startSluice } from '../support/sluice.ts'

describe('bad usage', () => {
  test.each([
    ['an unknown command', ['frobnicate'], "unknown command 'frobnicate'"],
    ['an unknown option', ['check', '--frob'], "unknown option '--frob'"],
    ['a missing argument', ['sign'], "missing required argument 'path'"],
    ['an argument too many', ['check', 'this'], 'too many arguments'],
    ['an option without its value', ['sign', '/files/a', '--ip'], "'--ip <value>'"],
    ['no command at all', [], 'Usage: sluice'],
  ])('%s ends with exit 2 and says so', async (_, args, message) => {
    const { status, stdout, stderr } = await cliFolder().run(args)
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain(message)
  })

  test.each([
    ['sign', '/files/a'],
    ['inspect', '/files/a'],
    ['trace', 'a.mp4'],
    ['keys', 'list'],
  ])('%s with a broken configuration ends with exit 2 and its problems', async (...args) => {
    const folder = cliFolder()
    folder.write('config/gateway.yaml', 'server: { port: x }\n')
    const { status, stderr } = await folder.run(args)
    expect(status).toBe(2)
    expect(stderr).toContain('config/gateway.yaml:1:17: server.port: ')
  })
})

describe('commands that are not built yet', () => {
  test.each([['top', []]])('%s says so and ends with exit 2', async (command, args) => {
    const { status, stdout, stderr } = await cliFolder().run([command, ...args])
    expect({ status, stdout, stderr }).toEqual({
      status: 2,
      stdout: '',
      stderr: `${command} is not built yet\n`,
    })
  })
})

describe('--help', () => {
  test.each([
    [[], 'sluice sign '],
    [['serve'], 'sluice serve '],
    [['sign'], 'sluice sign /files/'],
    [['inspect'], 'sluice inspect '],
    [['check'], 'sluice check '],
    [['keys'], 'sluice keys '],
    [['keys', 'new'], 'sluice keys new '],
    [['keys', 'list'], 'sluice keys list '],
    [['keys', 'retire'], 'sluice keys retire '],
    [['trace'], 'sluice trace '],
    [['vectors'], 'sluice vectors '],
    [['backtest'], 'sluice backtest '],
  ])('of "sluice %s" shows an example', async (command, example) => {
    const { status, stdout } = await cliFolder().run([...command, '--help'])
    expect(status).toBe(0)
    const examples = stdout.slice(stdout.search(/^(?:Examples?|A first look):$/m))
    expect(examples).toContain(`\n  ${example}`)
  })

  test('names the commands that are not built yet as such', async () => {
    const { stdout } = await cliFolder().run(['--help'])
    expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(/top [^()]*\(not built yet\)/)
  })
})

test('--version is that of the package', async () => {
  const { stdout } = await cliFolder().run(['--version'])
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('a reader that goes away, as head does, is no error', async () => {
  const child = startSluice(['--help'])
  child.closeOutput('stdout')
  const { status, stderr } = await child.ended
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})
