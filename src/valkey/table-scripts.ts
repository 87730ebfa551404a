import type { Script } from './script.ts'

/**
 * A table changes its identity when it may have lost rows: by a restart or a failover (another `run_id`),
 * or because it was emptied (another lineage).
 */
const IDENTITY = `
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local lineage = redis.call('HGET', KEYS[2], 'lineage')
local version = redis.call('HGET', KEYS[2], 'version')
local function stampOf(row) return tonumber(string.match(row, '^%d+')) end
local function written(number) return string.format('%.0f', number) end
`

/** The time of the server in microseconds, always later than the change before. */
const NEXT = `
local time = redis.call('TIME')
local at = time[1] * 1000000 + time[2]
if not lineage then
  lineage, version = written(at), '0'
  redis.call('HSET', KEYS[2], 'lineage', lineage)
end
if at <= tonumber(version) then at = tonumber(version) + 1 end
local identity = run .. ':' .. lineage
`

/** Keys: rows, state. Gives the identity and the version; no version while nothing was ever kept. */
export const TABLE_STATE: Script = {
  name: 'table-state',
  keys: 2,
  lua: `${IDENTITY}return { run .. ':' .. (lineage or ''), version or '0' }`,
}

/**
 * Keys: rows, state. Arguments: channel, table, key, body (empty: removed), and the stamp of the row that
 * is to be changed, or nothing for whichever. Gives identity, the version before, the stamp of the change;
 * null when another row stands there.
 */
export const TABLE_CHANGE: Script = {
  name: 'table-change',
  keys: 2,
  lua: `${IDENTITY}
local channel, name, key, body, expected = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if expected ~= '' then
  local row = redis.call('HGET', KEYS[1], key)
  if not row or stampOf(row) ~= tonumber(expected) then return false end
end
${NEXT}
local stamp = written(at)
redis.call('HSET', KEYS[1], key, stamp .. ':' .. body)
redis.call('HSET', KEYS[2], 'version', stamp)
redis.call('PUBLISH', channel, cjson.encode({
  type = 'table', table = name, identity = identity,
  previous = version, version = stamp, key = key, body = body,
}))
return { identity, version, stamp }
`,
}

/**
 * Keys: rows, state. Arguments: channel, table, and keys with their rows. Puts back what the table lost:
 * of two rows the later stands. Gives how many it put back.
 */
export const TABLE_RESTORE: Script = {
  name: 'table-restore',
  keys: 2,
  lua: `${IDENTITY}
local restored = 0
for i = 3, #ARGV, 2 do
  local row = redis.call('HGET', KEYS[1], ARGV[i])
  if not row or stampOf(row) < stampOf(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    restored = restored + 1
  end
end
if restored == 0 then return 0 end
${NEXT}
local stamp = written(at)
redis.call('HSET', KEYS[2], 'version', stamp)
redis.call('PUBLISH', ARGV[1], cjson.encode({
  type = 'table', table = ARGV[2], identity = identity, previous = '', version = stamp,
}))
return restored
`,
}

/** Keys: rows, state. Arguments: keys with their rows. Forgets those that are still so. */
export const TABLE_FORGET: Script = {
  name: 'table-forget',
  keys: 2,
  lua: `
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
return 0
`,
}
