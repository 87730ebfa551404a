// What people build: Express, jsonwebtoken and http-proxy-middleware, as their own pages show them. With
// BENCH_TUNED the two settings that make them fast: a key object, and kept connections to the origin.
import { createSecretKey } from 'node:crypto'
import { Agent } from 'node:http'
import { argv, env } from 'node:process'
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'
import jwt from 'jsonwebtoken'
import { admits } from './full-policy.js'

const [port, originPort] = argv.slice(2)
const tuned = env.BENCH_TUNED === 'yes'
const key = tuned ? createSecretKey(Buffer.from(env.BENCH_SECRET)) : env.BENCH_SECRET

const app = express()
app.disable('x-powered-by')
app.use('/files', (request, response, next) => {
  const { token } = request.query
  try {
    const claims = jwt.verify(token, key, { algorithms: ['HS256'] })
    const isHere = claims.sub === request.baseUrl + request.path
    if (isHere && admits(claims, token, request.ip, response)) next()
    else response.sendStatus(403)
  } catch {
    response.sendStatus(403)
  }
})
app.use(
  createProxyMiddleware({
    target: `http://127.0.0.1:${originPort}`,
    pathFilter: '/files',
    ...(tuned && { agent: new Agent({ keepAlive: true, maxSockets: 256 }) }),
  }),
)
app.listen(Number(port), '127.0.0.1')
