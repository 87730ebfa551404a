import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { configFolder, GATEWAY } from './config-folder.ts'

describe('settings over the file', () => {
  const file = `${GATEWAY}server: { port: 7000 }\n`

  it('the environment wins over the file, and --set over both', () => {
    const folder = configFolder({ 'gateway.yaml': file })
    const env = { SLUICE_SERVER__PORT: '7001' }
    expect(folder.load().config?.server.port).toBe(7000)
    expect(folder.load({ env }).config?.server.port).toBe(7001)
    expect(folder.load({ env, set: ['server.port=7002'] }).config?.server.port).toBe(7002)
    expect(
      folder.load({ env, set: ['server.port=7002', 'server.port=7003'] }).config?.server.port,
    ).toBe(7003)
  })

  it('case and single underscores of a variable do not count', () => {
    const folder = configFolder()
    for (const name of [
      'SLUICE_SERVER__PUBLICURL',
      'SLUICE_SERVER__PUBLIC_URL',
      'SLUICE_server__publicUrl',
    ]) {
      const { config } = folder.load({ env: { [name]: 'https://dl.example/' } })
      expect(config?.server.publicUrl).toBe('https://dl.example')
    }
    const { config } = folder.load({
      env: { SLUICE_SERVER__TRUSTEDPROXIES: '[10.0.0.0/8, "::1"]' },
    })
    expect(config?.server.trustedProxies).toEqual(['10.0.0.0/8', '::1'])
  })

  it('a variable reaches into named origins and numbered routes', () => {
    const folder = configFolder({
      'gateway.yaml': GATEWAY.replaceAll('library', 'myLibrary').replace('root: myL', 'root: l'),
    })
    const env = { SLUICE_ROUTES__0__PATH: '/dl/', SLUICE_ORIGINS__MYLIBRARY__ROOT: 'policies' }
    const { config } = folder.load({ env })
    expect(config?.routes[0]?.path).toBe('/dl/')
    expect(config?.origins['myLibrary']).toEqual({ type: 'file', root: folder.path('policies') })
  })

  it('an unknown variable is a problem, SLUICE_CONFIG and others are not', () => {
    const env = { SLUICE_SERVER__PROT: '1', SLUICE_NONSENSE: '1', SLUICE_CONFIG: 'x', PATH: '/bin' }
    expect(configFolder().problems({ env })).toEqual([
      'SLUICE_NONSENSE: (file): no such setting: NONSENSE',
      'SLUICE_SERVER__PROT: server: no such setting: PROT (did you mean port?)',
    ])
  })

  it('a bad value names the variable or the option', () => {
    expect(
      configFolder().problems({ env: { SLUICE_SERVER__PORT: 'x' }, set: ['admin.port=70000'] }),
    ).toEqual([
      'SLUICE_SERVER__PORT: server.port: expected number, received string',
      '--set admin.port: admin.port: expected number to be <=65535',
    ])
    const [problem] = configFolder().load({ env: { SLUICE_SERVER__PORT: 'x' } }).problems
    expect(problem).toMatchObject({
      source: 'environment',
      name: 'SLUICE_SERVER__PORT',
      path: 'server.port',
    })
    expect(problem).not.toHaveProperty('line')
  })

  it('a key that a setting leaves missing is the problem of the setting', () => {
    expect(configFolder().problems({ set: ['origins.new.root=x'] })).toContain(
      '--set origins.new.root: origins.new.type: is required: file, http, s3',
    )
  })

  it('what is no setting at all is refused', () => {
    const set = [
      'server.port',
      'a..b=1',
      'server.port=[1',
      'server.prot=1',
      'server.port.x=1',
      '__proto__.polluted=1',
    ]
    expect(configFolder().problems({ set })).toEqual([
      '--set server.port: (file): expected a setting as a.b=value',
      '--set a..b: (file): expected a setting as a.b=value',
      '--set server.port: server.port: the value is not YAML; quote it if it is text',
      '--set server.port.x: server.port: expected number, received object',
      '--set server.prot: server.prot: unknown key (did you mean port?)',
      '--set __proto__.polluted: __proto__: unknown key',
    ])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it('a file that is not there is one problem', () => {
    expect(loadConfig({ file: '/nowhere/gateway.yaml' }).problems).toEqual([
      {
        source: '/nowhere/gateway.yaml',
        line: 1,
        column: 1,
        path: '(file)',
        message: 'cannot be read: ENOENT',
      },
    ])
  })
})
