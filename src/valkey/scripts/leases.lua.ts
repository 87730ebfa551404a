/**
 * What scripts share that count places. `KEYS[1]` is the beginning of all keys of a tag; the rest of a
 * key is put behind it here, in the same hash tag.
 *
 * `d:<download>` says who holds what of a download: `<node>` is until when, `<node>|<counted>` how many
 * connections. `l:<counted>` are the open downloads under one limit by their end. Times are the server's.
 */
export const LEASES = `
local base, ask = KEYS[1], cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function keep(key, seconds)
  if redis.call('TTL', key) < seconds then redis.call('EXPIRE', key, math.max(1, seconds)) end
end

local function holders(download)
  local key, nodes = base .. 'd:' .. download, {}
  local flat = redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    local node, counted = string.match(flat[i], '^([^|]*)|?(.*)$')
    nodes[node] = nodes[node] or { expires = 0, counts = {} }
    if counted == '' then nodes[node].expires = tonumber(flat[i + 1])
    else nodes[node].counts[counted] = tonumber(flat[i + 1]) end
  end
  for node, held in pairs(nodes) do
    if held.expires <= now then
      redis.call('HDEL', key, node)
      for counted in pairs(held.counts) do redis.call('HDEL', key, node .. '|' .. counted) end
      nodes[node] = nil
    end
  end
  return nodes
end

local function openBut(download, counted)
  local key = base .. 'l:' .. counted
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  local open = redis.call('ZCARD', key)
  if redis.call('ZSCORE', key, download) then return open - 1, true end
  return open, false
end

local function spent() return tonumber(redis.call('GET', base .. 'u') or '0') end

local function isUsed(download)
  return redis.call('HGET', base .. 'k:' .. download, 'used') == '1'
end

-- a limit below 0 counts without refusing
local function hasRoom(download, counted, max)
  local others, isOpen = openBut(download, counted)
  if counted == 'use' then others = others + spent() end
  return max < 0 or isOpen or others < max
end

local function put(download, counted, connections)
  redis.call('HSET', base .. 'd:' .. download, ask.node .. '|' .. counted, connections)
  if counted == 'connections' then return end
  redis.call('ZADD', base .. 'l:' .. counted, 'GT', now + ask.ttl, download)
  redis.call('PEXPIRE', base .. 'l:' .. counted, ask.ttl * 2)
end

local function renew(download)
  redis.call('HSET', base .. 'd:' .. download, ask.node, now + ask.ttl)
  redis.call('PEXPIRE', base .. 'd:' .. download, ask.ttl * 2)
end

local function drop(download, counted, nodes, node)
  redis.call('HDEL', base .. 'd:' .. download, node .. '|' .. counted)
  if nodes[node] then nodes[node].counts[counted] = nil end
  for _, held in pairs(nodes) do if held.counts[counted] then return end end
  redis.call('ZREM', base .. 'l:' .. counted, download)
end

local function leaveIfEmpty(download, nodes)
  local mine = nodes[ask.node]
  if mine and next(mine.counts) == nil then
    redis.call('HDEL', base .. 'd:' .. download, ask.node)
  end
end

-- one connection more than the server knows of, or the node itself where the server forgot
local function take(download, counted, nodes, mine)
  local held = nodes[ask.node]
  local known = held and held.counts[counted] or 0
  put(download, counted, math.max(known, mine or 0) + 1)
end
`
