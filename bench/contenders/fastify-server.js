// What people build: Fastify with @fastify/jwt and @fastify/http-proxy, as their own pages show them.
import { argv, env } from 'node:process'
import httpProxy from '@fastify/http-proxy'
import fastifyJwt from '@fastify/jwt'
import fastify from 'fastify'
import { admits } from './full-policy.js'

const [port, originPort] = argv.slice(2)

const app = fastify()
app.register(fastifyJwt, {
  secret: env.BENCH_SECRET,
  verify: { algorithms: ['HS256'], extractToken: (request) => request.query.token },
})
app.register(httpProxy, {
  upstream: `http://127.0.0.1:${originPort}`,
  prefix: '/files',
  rewritePrefix: '/files',
  preHandler(request, reply, done) {
    request.jwtVerify((error) => {
      if (!error && mayPass(request, reply)) done()
      else reply.code(403).send()
    })
  },
})
await app.listen({ port: Number(port), host: '127.0.0.1' })

function mayPass({ user, query, ip, url }, reply) {
  const isHere = user.sub === url.slice(0, url.indexOf('?'))
  return isHere && admits(user, query.token, ip, reply.raw)
}
