import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child } from '../support/child.ts'
import { freePort } from '../support/free-port.ts'
import { ROOT } from '../support/sluice.ts'

/** A directory that looks like a fresh checkout, with `npm start` running in it on free ports. */
export interface Workspace {
  readonly directory: string
  readonly url: string
  /** What a shell needs so that every `sluice` command means the running gateway. */
  readonly env: NodeJS.ProcessEnv
  readonly gateway: Child
  /** A text of the documentation with the ports of this gateway. */
  readonly localise: (text: string) => string
  /** What was printed, with the ports of the documentation. */
  readonly generalise: (text: string) => string
  stop(): Promise<void>
}

export async function startWorkspace(): Promise<Workspace> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-docs-'))
  cpSync(join(ROOT, 'config'), join(directory, 'config'), { recursive: true })
  for (const name of ['src', 'node_modules', 'package.json', 'examples']) {
    symlinkSync(join(ROOT, name), join(directory, name))
  }
  const [port, adminPort] = [await freePort(), await freePort()]
  const { PATH, HOME, TMPDIR } = process.env
  const env = {
    PATH,
    HOME,
    TMPDIR,
    LANG: 'C.UTF-8',
    SLUICE_SERVER__PORT: String(port),
    SLUICE_ADMIN__PORT: String(adminPort),
  }
  const gateway = new Child(process.execPath, startArguments(), { cwd: directory, env })
  const stop = async (): Promise<void> => {
    await gateway.stop()
    rmSync(directory, { recursive: true })
  }
  try {
    await gateway.until(() => /Two links that work[^]*token=\S+'\n/.exec(gateway.stdout)?.[0])
  } catch (error) {
    await stop()
    throw error
  }
  return {
    directory,
    url: `http://127.0.0.1:${port}`,
    env,
    gateway,
    localise: (text) =>
      text
        .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
        .replaceAll('127.0.0.1:8081', `127.0.0.1:${adminPort}`),
    generalise: (text) =>
      text
        .replaceAll(`127.0.0.1:${port}`, '127.0.0.1:8080')
        .replaceAll(`127.0.0.1:${adminPort}`, '127.0.0.1:8081'),
    stop,
  }
}

/** What `npm start` runs, without the name of node. */
function startArguments(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { start: string }
  }
  const [node, ...args] = scripts.start.split(' ')
  if (node !== 'node') throw new Error(`npm start runs ${node}`)
  return args
}
