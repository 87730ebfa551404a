import type { Script } from '../script.ts'
import { LEASES } from './leases.lua.ts'
import { SIGHTINGS } from './sightings.lua.ts'

/** Gives connections back: of downloads, so many of each counted. */
export const GIVE_BACK: Script = {
  name: 'give-back',
  keys: 1,
  lua: `
${LEASES}
for _, one in ipairs(ask.downloads) do
  local nodes = holders(one.download)
  local mine = nodes[ask.node]
  for counted, connections in pairs(one.counts) do
    local left = mine and (mine.counts[counted] or 0) - connections or 0
    if left > 0 then put(one.download, counted, left)
    elseif mine then drop(one.download, counted, nodes, ask.node) end
  end
  leaveIfEmpty(one.download, nodes)
end
return 1
`,
}

const RENEW = `
${LEASES}
-- while admissions are held nobody can have taken what was ours a moment ago: a place that stands in its
-- way was free by then, and came back with an old copy of the data
local isHeld = #KEYS > 1 and redis.call('EXISTS', KEYS[3]) == 1

local function takeAgain(one)
  for _, limit in ipairs(one.counts) do
    local isCounted = limit.connections > 0 and limit.counted ~= 'connections'
    local isSpent = limit.counted == 'use' and isUsed(one.download)
    local isOurs = one.force or (isHeld and one.isFresh)
    if isCounted and not isSpent and not isOurs and not hasRoom(one.download, limit.counted, limit.max) then
      return 'lost'
    end
  end
  return 'again'
end

local answers = {}
for i, one in ipairs(ask.downloads) do
  local nodes = holders(one.download)
  local mine = nodes[ask.node]
  local answer = mine and 'kept' or takeAgain(one)
  if answer ~= 'lost' then
    local isHeld, listed = false, {}
    for _, limit in ipairs(one.counts) do
      local counted, connections = limit.counted, limit.connections
      listed[counted] = true
      local known = mine and mine.counts[counted] or 0
      local isSpent = counted == 'use' and isUsed(one.download)
      if not one.isExact then connections = math.max(known, connections) end
      if connections > 0 and not isSpent then
        put(one.download, counted, connections)
        isHeld = true
      elseif known > 0 then drop(one.download, counted, nodes, ask.node) end
    end
    for counted in pairs(mine and mine.counts or {}) do
      if not listed[counted] and one.isExact then drop(one.download, counted, nodes, ask.node)
      elseif not listed[counted] then
        put(one.download, counted, mine.counts[counted])
        isHeld = true
      end
    end
    if isHeld then renew(one.download)
    else redis.call('HDEL', base .. 'd:' .. one.download, ask.node) end
  end
  answers[i] = answer
end
return answers
`

/** Says of each download that a node holds whether it kept its places, took them again or lost them. */
export const GUARDED_BEAT: Script = { name: 'beat', keys: 4, lua: RENEW }

/** The same where the key that holds admissions is on another machine: it always asks for room. */
export const BEAT_ALONE: Script = { name: 'beat', keys: 1, lua: RENEW }

/** Sightings of clients that were known already, transfers that run, and claims that came to nothing. */
export const TEND: Script = {
  name: 'tend',
  keys: 1,
  lua: `
${LEASES}
${SIGHTINGS}
for _, one in ipairs(ask.seen) do record(one.sighting, one.at, one.window) end
for _, flow in ipairs(ask.flows) do enterFlow(flow) end
for _, network in ipairs(ask.gone) do redis.call('HDEL', base .. 'w', ask.node .. '|' .. network) end
for _, one in ipairs(ask.undo) do
  if one.new.network then redis.call('HDEL', base .. 's', one.sighting.network) end
  if one.new.device then redis.call('HDEL', base .. 'v', one.sighting.device) end
end
return 1
`,
}

/** Counts the nodes that send under one rate; a node that leaves is not counted any more. */
export const RATE: Script = {
  name: 'rate',
  keys: 1,
  lua: `
${LEASES}
local key = base .. 'n'
redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
if ask.isGone then redis.call('ZREM', key, ask.node)
else
  redis.call('ZADD', key, now + ask.ttl, ask.node)
  redis.call('PEXPIRE', key, ask.ttl * 2)
end
return redis.call('ZCARD', key)
`,
}
