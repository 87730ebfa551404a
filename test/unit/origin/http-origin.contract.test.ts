import { HttpOrigin } from '../../../src/origin/http-origin.ts'
import { originContract } from '../../contract/origin-contract.ts'
import {
  makeCertificate,
  ObjectServer,
  type ObjectServerOptions,
} from '../../support/object-server.ts'
import { until } from '../../support/open-files.ts'

function httpContract(name: string, options: ObjectServerOptions): void {
  originContract(name, async (objects) => {
    const server = await ObjectServer.start(objects, options)
    const origin = new HttpOrigin({
      url: server.url,
      headers: {},
      timeoutSeconds: 5,
      followRedirects: false,
      ca: options.certificate?.cert,
    })
    return {
      origin,
      allReturned: () => until(() => origin.connectionsInUse === 0),
      dispose: async () => {
        origin.close()
        await server.stop()
      },
    }
  })
}

httpContract('HttpOrigin', {})
httpContract('HttpOrigin before a server that knows no HEAD', { refusesHead: true })
httpContract('HttpOrigin before a server that knows neither HEAD nor Range', {
  refusesHead: true,
  ignoresRange: true,
})
httpContract('HttpOrigin over TLS', { certificate: makeCertificate() })
