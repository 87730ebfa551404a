import { buffer } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import S3rver from '@20minutes/s3rver'

const [directory = '', port = '', ...buckets] = process.argv.slice(2)

const server = new S3rver({
  address: '127.0.0.1',
  port: Number(port),
  silent: true,
  directory,
  configureBuckets: buckets.map((name) => ({ name })),
})

// the store takes an end of 0 for none, and a suffix for a range from 0 on
server.middleware.unshift(async (ctx, next) => {
  const range = /^bytes=(?:(0)-0|-(\d+))$/.exec(ctx.headers['range'] ?? '')
  if (!range || ctx.method !== 'GET') return next()
  delete ctx.headers['range']
  await next()
  if (ctx.status !== 200) return undefined
  const content = await buffer(ctx.body as Readable)
  const [start, end] =
    range[1] === undefined
      ? [Math.max(0, content.length - Number(range[2])), content.length]
      : [0, Math.min(1, content.length)]
  ctx.status = start < end ? 206 : 416
  const bytes = start < end ? `${start}-${end - 1}` : '*'
  ctx.set('Content-Range', `bytes ${bytes}/${content.length}`)
  ctx.body = content.subarray(start, end)
  return undefined
})

await server.run()
