import type { Script } from '../script.ts'
import { LEASES } from './leases.lua.ts'
import { SIGHTINGS } from './sightings.lua.ts'

const ADMIT = `
${LEASES}
${SIGHTINGS}
if #KEYS > 1 and ask.isGuarded and (redis.call('GET', KEYS[2]) ~= ask.epoch
    or redis.call('EXISTS', KEYS[3]) == 1 or redis.call('EXISTS', KEYS[4]) == 0) then
  return '{"place":"hold"}'
end
local reply = { place = 'none' }
if ask.known then
  local k = redis.call('HMGET', base .. 'k:' .. ask.download, 'etag', 'size', 'started', 'edges', 'used')
  if k[1] then
    reply.known = { etag = k[1], size = tonumber(k[2]), started = tonumber(k[3]), edges = k[4], used = k[5] == '1' }
  end
end
if ask.first then reply.first = redis.call('GET', base .. 'f') or nil end
if ask.after then reply.seen = seenAfter(ask.after) end

local function place(nodes)
  local mine = ask.place.mine
  if ask.place.maxConnections then
    local open = mine.connections or 0
    if nodes[ask.node] then open = math.max(open, nodes[ask.node].counts.connections or 0) end
    for node, held in pairs(nodes) do
      if node ~= ask.node then open = open + (held.counts.connections or 0) end
    end
    if open >= ask.place.maxConnections then
      reply.by, reply.limit = 'connections', ask.place.maxConnections
      return 'refused'
    end
  end
  for _, limit in ipairs(ask.place.limits) do
    if not hasRoom(ask.download, limit.counted, limit.max) then
      reply.by, reply.limit, reply.counted = 'downloads', limit.max, limit.counted
      return 'refused'
    end
  end
  if ask.place.maxConnections then take(ask.download, 'connections', nodes, mine.connections) end
  for _, limit in ipairs(ask.place.limits) do
    take(ask.download, limit.counted, nodes, mine[limit.counted])
  end
  if ask.max and not isUsed(ask.download) and hasRoom(ask.download, 'use', ask.max) then
    take(ask.download, 'use', nodes, mine.use)
    reply.reserves = true
  end
  renew(ask.download)
  return 'held'
end

if ask.place then reply.place = place(holders(ask.download)) end
if ask.max then
  reply.spent = spent()
  reply.reserved = openBut(ask.download, 'use')
end
return cjson.encode(reply)
`

/** Looks up and takes a place; the other keys say whether what is counted may be believed. */
export const GUARDED_ADMIT: Script = { name: 'admit', keys: 4, lua: ADMIT }

/** The same where those keys are on other machines. */
export const ADMIT_ALONE: Script = { name: 'admit', keys: 1, lua: ADMIT }
