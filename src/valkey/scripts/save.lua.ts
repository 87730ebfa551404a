import type { Script } from '../script.ts'
import { LEASES } from './leases.lua.ts'

/**
 * Writes which bytes a download got, together with what other nodes wrote of it, and spends the use that
 * they make: once, however many nodes ask for it and however often.
 */
export const SAVE: Script = {
  name: 'save',
  keys: 1,
  lua: `
${LEASES}
local key = base .. 'k:' .. ask.download
local k = redis.call('HMGET', key, 'etag', 'size', 'started', 'edges', 'used')
local size = string.format('%.0f', ask.size)
local isSame = k[1] == ask.etag and k[2] == size
if ask.first then
  redis.call('SET', base .. 'f', ask.first, 'NX', 'EX', ask.seconds)
end
-- the object changed since, and another node knows the new one
local isOld = not ask.isCurrent or (k[1] and not isSame and tonumber(k[3]) > ask.started)

local function numbers(text)
  local list = {}
  for number in string.gmatch(text or '', '%d+') do list[#list + 1] = tonumber(number) end
  return list
end

local function union(one, other)
  local pieces, merged = {}, {}
  for _, edges in ipairs({ one, other }) do
    for i = 1, #edges, 2 do pieces[#pieces + 1] = { edges[i], edges[i + 1] } end
  end
  table.sort(pieces, function(a, b) return a[1] < b[1] end)
  for _, piece in ipairs(pieces) do
    if #merged > 0 and piece[1] <= merged[#merged] then
      merged[#merged] = math.max(merged[#merged], piece[2])
    else
      merged[#merged + 1] = piece[1]
      merged[#merged + 1] = piece[2]
    end
  end
  return merged
end

if ask.isDone then
  if isSame and ask.isCurrent then redis.call('DEL', key) end
  return cjson.encode({ used = false, edges = '' })
end
local edges, started, wasUsed = numbers(ask.edges), ask.started, false
if isSame then
  wasUsed = k[5] == '1'
  if ask.merges then
    edges = union(edges, numbers(k[4]))
    started = math.min(started, tonumber(k[3]))
  end
end
local covered, texts = 0, {}
for i = 1, #edges, 2 do covered = covered + edges[i + 1] - edges[i] end
for i, edge in ipairs(edges) do texts[i] = string.format('%.0f', edge) end
local isUse = false
if ask.coverage then
  isUse = ask.used or (ask.size == 0 and #edges > 0) or (ask.size > 0 and covered >= ask.coverage * ask.size)
end
if isUse and not wasUsed then
  if not (isOld and ask.used) then
    redis.call('INCR', base .. 'u')
    keep(base .. 'u', ask.seconds)
  end
  local nodes = holders(ask.download)
  for node, held in pairs(nodes) do
    if held.counts.use then drop(ask.download, 'use', nodes, node) end
  end
end
if not isOld then
  redis.call('HSET', key, 'etag', ask.etag, 'size', size, 'started', string.format('%.0f', started),
    'edges', table.concat(texts, ','), 'used', (wasUsed or isUse) and '1' or '0')
  keep(key, ask.seconds)
end
return cjson.encode({ used = wasUsed or isUse, edges = table.concat(texts, ',') })
`,
}
