import type { Script } from './script.ts'

// All that is known of an asset is one hash: `asset`, `row:FORMAT` and `since:FORMAT` of each rendition,
// and `order:FORMAT:HOLDER`. A script takes that one key, and so runs on any node of a Cluster.

/** Defines `since`: when a rendition came, in microseconds, which is what keeps their order. */
const SINCE = `local function since(format)
  local now = redis.call('TIME')
  redis.call('HSETNX', KEYS[1], 'since:' .. format, now[1] * 1000000 + now[2])
end
`

/** Defines `objectOf`: what stands for the attempt that a rendition is of, or an empty text for none. */
const OBJECT_OF = `local function objectOf(format)
  local row = redis.call('HGET', KEYS[1], 'row:' .. format)
  return row and cjson.decode(row).object or ''
end
`

/** ARGV: the asset, then format and rendition of each that is given. Returns the asset before. */
export const PUT_ASSET: Script = {
  name: 'asset-put',
  keys: 1,
  lua: `${SINCE}local before = redis.call('HGET', KEYS[1], 'asset')
redis.call('HSET', KEYS[1], 'asset', ARGV[1])
for at = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], 'row:' .. ARGV[at], ARGV[at + 1])
  since(ARGV[at])
end
return before`,
}

/** Returns the asset that was there. */
export const REMOVE_ASSET: Script = {
  name: 'asset-remove',
  keys: 1,
  lua: `local before = redis.call('HGET', KEYS[1], 'asset')
redis.call('DEL', KEYS[1])
return before`,
}

/** ARGV: format, rendition. */
export const PUT_RENDITION: Script = {
  name: 'rendition-put',
  keys: 1,
  lua: `${SINCE}redis.call('HSET', KEYS[1], 'row:' .. ARGV[1], ARGV[2])
since(ARGV[1])
return 1`,
}

/** ARGV: format, rendition, object of the one that it takes the place of, or an empty text. */
export const REPLACE_RENDITION: Script = {
  name: 'rendition-replace',
  keys: 1,
  lua: `${SINCE}${OBJECT_OF}if objectOf(ARGV[1]) ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'row:' .. ARGV[1], ARGV[2])
since(ARGV[1])
return 1`,
}

/** ARGV: format, rendition as it was read, rendition as it is to be. */
export const SWAP_RENDITION: Script = {
  name: 'rendition-swap',
  keys: 1,
  lua: `local field = 'row:' .. ARGV[1]
if redis.call('HGET', KEYS[1], field) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], field, ARGV[3])
return 1`,
}

/** ARGV: format, object that it must have, or an empty text. Orders of the format go with it. */
export const REMOVE_RENDITION: Script = {
  name: 'rendition-remove',
  keys: 1,
  lua: `${OBJECT_OF}local format = ARGV[1]
if ARGV[2] ~= '' and objectOf(format) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], 'row:' .. format, 'since:' .. format)
local orders = 'order:' .. format .. ':'
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, #orders) == orders then redis.call('HDEL', KEYS[1], field) end
end
return 1`,
}
