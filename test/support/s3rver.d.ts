interface StoreOptions {
  readonly address: string
  readonly port: number
  readonly silent: boolean
  readonly directory: string
  readonly configureBuckets: readonly { readonly name: string }[]
}

declare module 's3rver' {
  /** A server of the S3 API that checks signatures of version 2. */
  export default class S3rver {
    constructor(options: StoreOptions)
    run(): Promise<{ readonly port: number }>
    close(): Promise<void>
  }
}

declare module '@20minutes/s3rver' {
  import type { Middleware } from 'koa'

  /** The same, which checks version 4 as well; an application of Koa. */
  export default class S3rver {
    readonly middleware: Middleware[]
    constructor(options: StoreOptions)
    run(): Promise<{ readonly port: number }>
  }
}
